// Low-rank factors. Oracle: the same model with the factors' product added to its matrices.
#include "train/nn/low_rank.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "support/closeness.h"
#include "support/message_of.h"
#include "train/nn/golden_batch.h"
#include "train/state_dict.h"
#include "train/trained_model.h"

namespace glossa::testing {
namespace {

using train::AsrModel;
using train::StateDict;
using train::TrainedParameter;
using train::TrainerOptions;

TrainerOptions options_with(int rank, const std::string& surface = "full") {
  TrainerOptions options;
  options.surface = surface;
  options.low_rank = rank;
  options.low_rank_alpha = 2.0 * rank;
  return options;
}

void draw_factors(const AsrModel& model) {
  const torch::NoGradGuard no_grad;
  for (const TrainedParameter& factor : train::factors_of(model)) {
    torch::Tensor tensor = factor.tensor;
    tensor.normal_(0, 0.3);
  }
}

TEST(LowRank, FactorsAreTheirProductAddedToTheMatrix) {
  for (const char* name : {"tiny", "small"}) {  // without biases, and with
    SCOPED_TRACE(name);
    GoldenModel golden = golden_model(name);
    const MelBatch batch = golden_mels(*golden.checkpoint, {"en-US_0.wav", "es-ES_5.wav"});
    const auto frames_of = [&](AsrModel& model) {
      const torch::NoGradGuard no_grad;
      model->eval();
      return model->encoder(batch.mels, batch.lengths, {56, 3}).frames;
    };
    AsrModel model = train::initial_model(*golden.checkpoint, options_with(3));
    EXPECT_TRUE(torch::equal(frames_of(model), frames_of(golden.model))) << "factors begin at nothing";
    const StateDict base = train::state_of(golden.model);
    draw_factors(model);
    const StateDict sums = train::state_of(model);
    ASSERT_EQ(sums.size(), base.size());
    for (const auto& [matrix, factors] : model->low_rank())
      EXPECT_FALSE(torch::equal(sums.at(matrix), base.at(matrix))) << matrix;

    for (auto& parameter : golden.model->named_parameters())
      parameter->data().copy_(sums.at(parameter.key()));
    const torch::Tensor with_factors = frames_of(model);
    EXPECT_LE(relative_l2(values_of(with_factors[0]), values_of(frames_of(golden.model)[0])), 1e-5);
  }
}

TEST(LowRank, OfTheEncoderTheyAreAllThatMoves) {
  const GoldenModel golden = golden_model("tiny");
  const auto moving = [&](const std::string& surface) {
    const TrainerOptions options = options_with(2, surface);
    const AsrModel model = train::initial_model(*golden.checkpoint, options);
    std::set<std::string> names;
    for (const TrainedParameter& parameter : train::moving_parameters(model, options)) {
      EXPECT_TRUE(parameter.tensor.requires_grad());
      names.insert(parameter.name);
    }
    for (const auto& parameter : model->named_parameters())
      EXPECT_EQ(parameter->requires_grad(), names.contains(parameter.key())) << parameter.key();
    return names;
  };
  const std::set<std::string> full = moving("full");
  for (const std::string& name : full)
    EXPECT_TRUE(!name.starts_with("encoder.") || train::is_factor(name)) << name;
  // Five matrices of attention, two of the convolution, four of feed-forward in every layer.
  const auto factors = std::count_if(full.begin(), full.end(), train::is_factor);
  const int layers = golden.checkpoint->config().encoder.layers;
  EXPECT_EQ(factors, 2 * 11 * layers);
  EXPECT_TRUE(full.contains("encoder.layers.0.self_attn.linear_pos.lora_b"));
  EXPECT_TRUE(full.contains("encoder.layers.0.conv.pointwise_conv1.lora_a"));
  EXPECT_TRUE(full.contains("joint.enc.weight"));
  EXPECT_TRUE(full.contains("prompt_kernel.0.weight"));

  const std::set<std::string> top = moving("top-1");
  EXPECT_EQ(std::count_if(top.begin(), top.end(), train::is_factor), 2 * 11);
  EXPECT_FALSE(top.contains("encoder.layers.0.self_attn.linear_pos.lora_b"));
}

TEST(LowRank, WhatCannotHaveFactorsIsRefused) {
  const GoldenModel golden = golden_model("tiny");
  const auto error = [&](const TrainerOptions& options) -> std::string {
    return testing::message_of([&] { train::initial_model(*golden.checkpoint, options); },
                               ErrorCode::kInvalidArgument);
  };
  EXPECT_THAT(error(options_with(100'000)), ::testing::HasSubstr("the rank of low-rank factors is 100000"));
  EXPECT_THAT(error(options_with(2, "joint")), ::testing::HasSubstr("with surface 'joint'"));
  TrainerOptions frozen = options_with(2);
  frozen.lr_scales.encoder = 0;
  EXPECT_THAT(error(frozen), ::testing::HasSubstr("an encoder's rate of 0"));
  TrainerOptions scratch = options_with(2);
  scratch.from_scratch = true;
  EXPECT_THAT(error(scratch), ::testing::HasSubstr("from scratch"));
}

}  // namespace
}  // namespace glossa::testing
