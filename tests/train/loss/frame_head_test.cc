// The classifier of frames. Oracle: cross entropies summed one by one from the head's own parameters.
#include "train/loss/frame_head.h"

#include <gtest/gtest.h>

#include <cmath>

namespace glossa::testing {
namespace {

TEST(FrameHead, ReadsOneClassFromEachCharacter) {
  EXPECT_EQ(train::frame_classes("!\"~ \n\xc3"), (std::vector<std::int64_t>{0, 1, 93, -1, -1, -1}));
  EXPECT_TRUE(train::frame_classes("").empty());
  EXPECT_TRUE(train::frame_classes("", 2).empty());
  EXPECT_EQ(train::frame_classes("!!!!\"\"\"\"", 2), (std::vector<std::int64_t>{0, 0, 1, 1}));
  EXPECT_EQ(train::frame_classes("!\"", 0.5), (std::vector<std::int64_t>{0, 0, 1, 1}));
}

TEST(FrameHead, AsksEachFrameForTheTwoPiecesBeforeIt) {
  constexpr std::int64_t kWidth = 5;
  torch::manual_seed(3);
  train::FrameHead head(kWidth);
  const torch::Tensor frames = torch::randn({2, 4, kWidth});
  // Of the first utterance frame 1 is asked for pieces 0 and 1, frame 2 for 2 and 3, frame 3 for 4 and 5;
  // frame 0 for none, and piece 6 has no frame. The second utterance has no labels.
  const torch::Tensor labels =
      torch::tensor({{7, 8, -1, 9, 10, 11, 12}, {-1, -1, -1, -1, -1, -1, -1}}, torch::kInt64);
  const torch::Tensor weight = head->named_parameters()["weight"];
  const torch::Tensor bias = head->named_parameters()["bias"];
  double expected = 0;
  for (std::int64_t piece = 0; piece < 6; ++piece) {
    const auto label = labels[0][piece].item<std::int64_t>();
    if (label < 0) continue;
    const std::int64_t frame = piece / 2 + 1;
    const std::int64_t first = piece % 2 * train::kFrameClasses;
    double sum = 0;
    double wanted = 0;
    for (std::int64_t other = 0; other < train::kFrameClasses; ++other) {
      const double logit = (weight[first + other].dot(frames[0][frame]) + bias[first + other]).item<double>();
      sum += std::exp(logit);
      if (other == label) wanted = logit;
    }
    expected += std::log(sum) - wanted;
  }
  const torch::Tensor loss = head->loss(frames, labels);
  EXPECT_NEAR(loss[0].item<double>(), expected / 2, 1e-4);
  EXPECT_EQ(loss[1].item<double>(), 0);
}

TEST(FrameHead, MissingLabelsAreNoLabels) {
  train::FrameHead head(3);
  const torch::Tensor frames = torch::randn({1, 6, 3});
  EXPECT_EQ(head->loss(frames, torch::empty({1, 0}, torch::kInt64)).item<double>(), 0);
  const torch::Tensor few = torch::tensor({{4, 5}}, torch::kInt64);
  const torch::Tensor padded = torch::tensor({{4, 5, -1, -1, -1}}, torch::kInt64);
  EXPECT_EQ(head->loss(frames, few).item<double>(), head->loss(frames, padded).item<double>());
}

}  // namespace
}  // namespace glossa::testing
