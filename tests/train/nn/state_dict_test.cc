// Oracles: the checkpoint's own bytes, and arithmetic by hand.
#include "train/state_dict.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "support/files.h"
#include "support/golden.h"
#include "support/message_of.h"
#include "support/tiny_model.h"
#include "train/nn/golden_batch.h"

namespace glossa::testing {
namespace {

using train::AsrModel;
using train::DropoutConfig;
using train::StateDict;

void expect_equal(const StateDict& actual, const StateDict& expected) {
  ASSERT_EQ(actual.size(), expected.size());
  for (const auto& [name, tensor] : expected) {
    ASSERT_TRUE(actual.contains(name)) << name;
    EXPECT_TRUE(torch::equal(actual.at(name), tensor)) << name;
  }
}

TEST(StateDict, ANemoIsWrittenAndReadBitEqual) {
  const TemporaryFolder folder;
  for (const char* name : {"tiny", "tiny-en"}) {
    const GoldenModel base = golden_model(name);
    AsrModel trained(base.checkpoint->config(), DropoutConfig{});
    const StateDict state = train::state_of(trained);  // as drawn: not the base's
    train::write_nemo(folder / "trained.nemo", *base.checkpoint, state);
    const auto written = checkpoint::read_checkpoint(folder / "trained.nemo");
    EXPECT_EQ(written->config_yaml(), base.checkpoint->config_yaml());
    ASSERT_EQ(written->tensors().size(), base.checkpoint->tensors().size());
    for (std::size_t index = 0; index < written->tensors().size(); ++index)
      EXPECT_EQ(written->tensors()[index].name, base.checkpoint->tensors()[index].name);
    ASSERT_EQ(written->artifacts().size(), base.checkpoint->artifacts().size());
    for (std::size_t index = 0; index < written->artifacts().size(); ++index) {
      EXPECT_EQ(written->artifacts()[index].name, base.checkpoint->artifacts()[index].name);
      EXPECT_TRUE(
          std::ranges::equal(written->artifacts()[index].bytes, base.checkpoint->artifacts()[index].bytes));
    }
    for (const char* constant : {"preprocessor.featurizer.fb", "preprocessor.featurizer.window"})
      EXPECT_EQ(written->tensor(constant).to_f32(), base.checkpoint->tensor(constant).to_f32());
    AsrModel again(written->config(), DropoutConfig{});
    train::load_checkpoint(again, *written);
    expect_equal(train::state_of(again), state);
  }
}

TEST(StateDict, AStateOfAnotherGeometryIsRefusedByName) {
  GoldenModel base = golden_model("tiny");
  const TemporaryFolder folder;
  const auto refusal = [&](const StateDict& state) {
    return message_of([&] { train::write_nemo(folder / "x.nemo", *base.checkpoint, state); });
  };
  const StateDict state = train::state_of(base.model);
  const std::string name = "encoder.layers.1.conv.depthwise_conv.weight";
  StateDict missing = state;
  missing.erase(name);
  EXPECT_THAT(refusal(missing), ::testing::HasSubstr(name));
  StateDict wrong = state;
  wrong[name] = torch::zeros({64, 1, 7});
  EXPECT_THAT(refusal(wrong), ::testing::AllOf(::testing::HasSubstr(name), ::testing::HasSubstr("[64, 1, 7]"),
                                               ::testing::HasSubstr("[64, 1, 9]")));
  StateDict extra = state;
  extra["encoder.layers.3.norm_out.weight"] = torch::zeros({64});
  EXPECT_THAT(refusal(extra), ::testing::HasSubstr("encoder.layers.3.norm_out.weight"));
  const auto small = checkpoint::read_checkpoint(golden_model_path("small"));
  EXPECT_THAT(message_of([&] { train::load_checkpoint(base.model, *small); }),
              ::testing::HasSubstr("small.nemo"));
  EXPECT_THROW(train::write_nemo(folder / "x.nemo", *small, state), Error);
  EXPECT_EQ(folder.files(), 0u);
}

TEST(StateDict, WhatIsNoNumberIsRefusedByName) {
  const TemporaryFolder folder;
  GoldenModel base = golden_model("tiny");
  const std::string name = "encoder.layers.1.conv.depthwise_conv.weight";
  for (const double value : {std::nan(""), std::numeric_limits<double>::infinity()}) {
    StateDict state = train::state_of(base.model);
    state[name] = torch::zeros_like(state[name]);
    state[name].view(-1)[7] = value;
    train::write_nemo(folder / "m.nemo", *base.checkpoint, state);
    const auto broken = checkpoint::read_checkpoint(folder / "m.nemo");
    EXPECT_THAT(message_of([&] { train::load_checkpoint(base.model, *broken); }),
                ::testing::HasSubstr("m.nemo: tensor " + name + " has values that are no numbers"));
  }
}

TEST(StateDict, MeansAreArithmeticOnes) {
  const TemporaryFolder folder;
  const GoldenModel base = golden_model("tiny");
  std::vector<StateDict> states;
  std::vector<std::filesystem::path> models;
  for (int model = 0; model < 3; ++model) {
    AsrModel drawn(base.checkpoint->config(), DropoutConfig{});
    states.push_back(train::state_of(drawn));
    models.push_back(folder / (std::to_string(model) + ".nemo"));
    train::write_nemo(models.back(), *base.checkpoint, states.back());
  }
  const StateDict untrained = train::state_of(base.model);
  expect_equal(train::mean_of({models[1]}, *base.checkpoint), states[1]);
  expect_equal(train::mean_of({models[1]}, *base.checkpoint, 1), untrained);
  const StateDict mean = train::mean_of(models, *base.checkpoint);
  const StateDict mixed = train::mean_of(models, *base.checkpoint, 0.25);
  ASSERT_EQ(mean.size(), untrained.size());
  for (const auto& [name, tensor] : mean) {
    const torch::Tensor expected = (states[0].at(name) + states[1].at(name) + states[2].at(name)) / 3;
    EXPECT_TRUE(torch::allclose(tensor, expected, 1e-6, 1e-6)) << name;
    EXPECT_TRUE(torch::allclose(mixed.at(name), 0.25 * untrained.at(name) + 0.75 * tensor, 1e-6, 1e-6))
        << name;
  }
  EXPECT_THROW(train::mean_of({}, *base.checkpoint), Error);
  EXPECT_THAT(message_of([&] { train::mean_of({golden_model_path("small")}, *base.checkpoint); }),
              ::testing::HasSubstr("small.nemo"));
}

}  // namespace
}  // namespace glossa::testing
