// A recogniser does not notice which kind of file its weights came from.
#include <gtest/gtest.h>

#include "checkpoint/checkpoint.h"
#include "engine/test_streams.h"
#include "support/files.h"
#include "support/tiny_model.h"

namespace glossa {
namespace {

testing::Outcome outcome_with(const std::filesystem::path& model, std::uint32_t seed) {
  const auto recognizer = Recognizer::load({.model = model, .threads = 2});
  const auto stream = recognizer->create_stream({});
  return testing::run_whole(*recognizer, *stream, testing::wandering_noise(4 * 16000, seed));
}

// Equal to the last bit, because the numbers are: in f32 all of them; those of an f16 .nemo all fit what an
// f16 .gguf stores them in.
TEST(Gguf, OutcomesAreThoseOfTheSameWeights) {
  const testing::TemporaryFolder folder;
  std::size_t labels = 0;
  for (const std::uint32_t seed : {1u, 2u, 3u, 4u}) {
    SCOPED_TRACE(seed);
    auto options = testing::random_geometry(seed);
    options.blank_bias = 0.5;
    const auto nemo = testing::write_tiny_model(options, folder / "models");
    const auto checkpoint = checkpoint::read_checkpoint(nemo);
    checkpoint::write_gguf(folder / "m.gguf", *checkpoint, checkpoint::DType::kF32);
    const auto expected = outcome_with(nemo, seed);
    EXPECT_EQ(outcome_with(folder / "m.gguf", seed), expected);

    std::vector<std::vector<std::byte>> storage;
    const auto half = checkpoint::contents_of(*checkpoint, checkpoint::DType::kF16, storage);
    checkpoint::write_nemo(folder / "half.nemo", half);
    checkpoint::write_gguf(folder / "half.gguf", *checkpoint::read_checkpoint(folder / "half.nemo"),
                           checkpoint::DType::kF16);
    EXPECT_EQ(outcome_with(folder / "half.gguf", seed), outcome_with(folder / "half.nemo", seed));
    labels += expected.ids.size();
  }
  EXPECT_GT(labels, 20u);
}

// What a block format reads as is what a .nemo made of it holds.
TEST(Gguf, QuantisedWeightsAreWidenedOnce) {
  const testing::TemporaryFolder folder;
  testing::TinyModelOptions options;
  options.d_model = 64;
  options.blank_bias = 0.5;
  const auto checkpoint = checkpoint::read_checkpoint(testing::write_tiny_model(options, folder / "models"));
  for (const auto dtype : {checkpoint::DType::kQ8_0, checkpoint::DType::kQ4_K}) {
    checkpoint::write_gguf(folder / "m.gguf", *checkpoint, dtype);
    std::vector<std::vector<std::byte>> storage;
    const auto gguf = checkpoint::read_checkpoint(folder / "m.gguf");
    checkpoint::write_nemo(folder / "wide.nemo",
                           checkpoint::contents_of(*gguf, checkpoint::DType::kF32, storage));
    const auto outcome = outcome_with(folder / "m.gguf", 5);
    EXPECT_EQ(outcome, outcome_with(folder / "wide.nemo", 5));
    EXPECT_FALSE(outcome.ids.empty());
  }
}

}  // namespace
}  // namespace glossa
