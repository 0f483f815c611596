// Oracle: NeMo's SpectrogramAugmentation with recorded draws (cases/train/specaugment).
#include "train/augment/spec_augment.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>

#include "glossa/error.hpp"
#include "support/golden.h"

namespace glossa::train {
namespace {

SpecAugmentConfig config_of(const nlohmann::json& args) {
  return {.freq_masks = args["freq_masks"],
          .time_masks = args["time_masks"],
          .freq_width = args["freq_width"],
          .time_width = {args["time_width"].get<double>(), args["time_width"].is_number_float()}};
}

TEST(SpecAugment, EqualsNeMoWithItsDraws) {
  const auto folder = testing::golden_dir() / "cases/train";
  std::ifstream file(folder / "specaugment.json");
  const auto runs = nlohmann::json::parse(file)["runs"];
  const auto golden = testing::read_safetensors(folder / "specaugment.safetensors");
  ASSERT_GE(runs.size(), 4U);
  for (std::size_t run = 0; run < runs.size(); ++run) {
    const std::string prefix = "r" + std::to_string(run) + ".";
    const auto tensor = [&](const char* name) { return golden.at(prefix + name); };
    const auto lengths = runs[run]["lengths"].get<std::vector<std::int64_t>>();
    const auto shape = tensor("input").shape;
    const int mels = static_cast<int>(shape[1]);
    const int frames = static_cast<int>(shape[2]);
    const SpecAugmentDraws draws{tensor("draw0").values, tensor("draw1").values, tensor("draw2").values,
                                 tensor("draw3").values};
    std::vector<float> features = tensor("input").values;
    apply_masks(spec_augment_masks(config_of(runs[run]["args"]), draws, lengths, mels, frames), mels, frames,
                features);
    EXPECT_NE(features, tensor("input").values) << run;
    EXPECT_EQ(features, tensor("output").values) << run;
  }
}

// What an utterance loses depends on its seed alone, not on its place in a batch or on padding.
TEST(SpecAugment, AnUtteranceKeepsItsMasks) {
  constexpr int kMels = 128;
  const SpecAugmentConfig config;
  const std::vector<std::uint64_t> alone = {7};
  const std::vector<std::uint64_t> batch = {5, 7};
  const auto first = spec_augment_masks(config, draw_spec_augment(config, alone), {{300}}, kMels, 301);
  const auto second = spec_augment_masks(config, draw_spec_augment(config, batch), {{700, 300}}, kMels, 701);
  EXPECT_EQ(first[0].time, second[1].time);
  EXPECT_EQ(first[0].freq, second[1].freq);
  EXPECT_NE(first[0].time, second[0].time);
}

// Widths and places as the rule bounds them; over many seeds all of the range is met.
TEST(SpecAugment, SeededMasksFillTheirRange) {
  constexpr int kMels = 128;
  const SpecAugmentConfig config;
  int widest_time = 0;
  int widest_freq = 0;
  for (std::uint64_t seed = 0; seed < 500; ++seed) {
    const auto masks =
        spec_augment_masks(config, draw_spec_augment(config, {{seed}}), {{400}}, kMels, 450).at(0);
    ASSERT_EQ(masks.time.size(), 10U);
    ASSERT_EQ(masks.freq.size(), 2U);
    for (const Mask& mask : masks.time) {
      ASSERT_LE(mask.end, 400);
      widest_time = std::max(widest_time, mask.end - mask.begin);
    }
    for (const Mask& mask : masks.freq) {
      ASSERT_LE(mask.end, kMels);
      widest_freq = std::max(widest_freq, mask.end - mask.begin);
    }
  }
  EXPECT_EQ(widest_time, 19);  // below 0.05 * 400
  EXPECT_EQ(widest_freq, 26);  // below 27
}

TEST(SpecAugment, RefusesCountsThatDoNotFit) {
  const SpecAugmentConfig config;
  const auto draws = draw_spec_augment(config, {{1}});
  EXPECT_THROW(spec_augment_masks(config, draws, {{100, 100}}, 80, 100), Error);
  std::vector<float> features(79 * 100);
  const std::uint64_t seeds[] = {1};
  const std::int64_t lengths[] = {100};
  EXPECT_THROW(spec_augment(config, seeds, lengths, 80, 100, features), Error);
}

}  // namespace
}  // namespace glossa::train
