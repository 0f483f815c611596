#include "checkpoint/blank_checkpoint.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>

#include "model/tensor_spec.h"
#include "support/files.h"
#include "support/golden.h"
#include "support/message_of.h"

namespace glossa::checkpoint {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

// Geometry and tokenizer of the tiny golden model as the two files that a new model is made of.
class BlankCheckpoint : public ::testing::Test {
 protected:
  fs::path write(const std::string& name, const std::string& text) const {
    std::ofstream(folder_ / name, std::ios::binary) << text;
    return folder_ / name;
  }

  const testing::TemporaryFolder folder_;
  const std::shared_ptr<const Checkpoint> tiny_ = read_checkpoint(testing::golden_model_path("tiny"));
  const fs::path tokenizer_ = testing::golden_dir() / "tokenizers/tok256/tokenizer.model";
};

TEST_F(BlankCheckpoint, HasTheGeometryTheTokenizerAndWeightsOfZero) {
  const auto blank = blank_checkpoint(write("config.yaml", tiny_->config_yaml()), tokenizer_);
  EXPECT_EQ(blank->config().encoder.d_model, tiny_->config().encoder.d_model);
  EXPECT_EQ(blank->config().prompt.dictionary, tiny_->config().prompt.dictionary);
  EXPECT_TRUE(std::ranges::equal(blank->tokenizer_model(), tiny_->tokenizer_model()));
  ASSERT_EQ(blank->tensors().size(), model::tensor_specs(tiny_->config()).size());
  for (const TensorView& tensor : blank->tensors()) {
    const std::vector<float> values = tensor.to_f32();
    const bool constant = tensor.name.starts_with("preprocessor.");
    EXPECT_EQ(std::ranges::all_of(values, [](float value) { return value == 0; }), !constant) << tensor.name;
  }
}

TEST_F(BlankCheckpoint, IsAWholeNemoWhenWritten) {
  const auto blank = blank_checkpoint(write("config.yaml", tiny_->config_yaml()), tokenizer_);
  std::vector<std::vector<std::byte>> storage;
  write_nemo(folder_ / "new.nemo", contents_of(*blank, DType::kF32, storage));
  const auto read = read_nemo(folder_ / "new.nemo");
  EXPECT_EQ(read->config_yaml(), blank->config_yaml());
  EXPECT_EQ(read->artifacts().size(), 3u);
}

TEST_F(BlankCheckpoint, RefusesATokenizerOfAnotherSizeAndFilesThatAreNone) {
  const auto error = [&](const fs::path& config, const fs::path& tokenizer) -> std::string {
    return testing::message_of([&] { blank_checkpoint(config, tokenizer); });
  };
  const fs::path config = write("config.yaml", tiny_->config_yaml());
  EXPECT_THAT(error(config, testing::golden_dir() / "tokenizers/tok1024/tokenizer.model"),
              HasSubstr("1024 pieces (expected 256: decoder.vocab_size of " + config.string() + ")"));
  EXPECT_THAT(error(folder_ / "absent.yaml", tokenizer_), HasSubstr("absent.yaml"));
  EXPECT_THAT(error(config, folder_ / "absent.model"), HasSubstr("absent.model"));
  EXPECT_THAT(error(write("broken.yaml", "encoder: ["), tokenizer_), HasSubstr("broken.yaml"));
  EXPECT_NE(error(config, write("broken.model", "no proto")), "no error");
}

}  // namespace
}  // namespace glossa::checkpoint
