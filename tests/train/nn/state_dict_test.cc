// Oracles: the checkpoint's own bytes, and arithmetic by hand.
#include "train/state_dict.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/files.h"
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

TEST(StateDict, HalfPrecisionIsRoundedOnceAndWidenedExactly) {
  const TemporaryFolder folder;
  const GoldenModel base = golden_model("tiny");
  const StateDict state = train::state_of(base.model);
  for (const auto dtype : {checkpoint::DType::kBF16, checkpoint::DType::kF16}) {
    train::write_nemo(folder / "half.nemo", *base.checkpoint, state, dtype);
    const GoldenModel half = model_of(folder / "half.nemo");
    const auto type = dtype == checkpoint::DType::kBF16 ? torch::kBFloat16 : torch::kHalf;
    StateDict rounded;
    for (const auto& [name, tensor] : state) rounded[name] = tensor.to(type).to(torch::kFloat);
    expect_equal(train::state_of(half.model), rounded);
  }
  EXPECT_THROW(train::write_nemo(folder / "q8.nemo", *base.checkpoint, state, checkpoint::DType::kQ8_0),
               Error);
}

TEST(StateDict, LoadStateOverwritesEverythingAndCopies) {
  const GoldenModel base = golden_model("tiny");
  const StateDict state = train::state_of(base.model);
  AsrModel other(base.checkpoint->config(), DropoutConfig{});
  train::load_state(other, state);
  expect_equal(train::state_of(other), state);
  for (auto& parameter : other->parameters()) parameter.data().zero_();
  expect_equal(train::state_of(base.model), state);
}

TEST(StateDict, AStateOfAnotherGeometryIsRefusedByName) {
  GoldenModel base = golden_model("tiny");
  StateDict state = train::state_of(base.model);
  const std::string name = "encoder.layers.1.conv.depthwise_conv.weight";
  StateDict missing = state;
  missing.erase(name);
  EXPECT_THAT(message_of([&] { train::load_state(base.model, missing); }), ::testing::HasSubstr(name));
  StateDict wrong = state;
  wrong[name] = torch::zeros({64, 1, 7});
  EXPECT_THAT(message_of([&] { train::load_state(base.model, wrong); }),
              ::testing::AllOf(::testing::HasSubstr(name), ::testing::HasSubstr("[64, 1, 7]"),
                               ::testing::HasSubstr("[64, 1, 9]")));
  StateDict extra = state;
  extra["encoder.layers.3.norm_out.weight"] = torch::zeros({64});
  EXPECT_THAT(message_of([&] { train::load_state(base.model, extra); }),
              ::testing::HasSubstr("encoder.layers.3.norm_out.weight"));
  const auto small = checkpoint::read_checkpoint(golden_model_path("small"));
  EXPECT_THAT(message_of([&] { train::load_checkpoint(base.model, *small); }),
              ::testing::HasSubstr("small.nemo"));
  const TemporaryFolder folder;
  EXPECT_THROW(train::write_nemo(folder / "x.nemo", *small, state), Error);
  EXPECT_EQ(folder.files(), 0u);
}

TEST(StateDict, AverageAndInterpolationAreArithmeticMeans) {
  const StateDict a{{"x", torch::tensor({1.0f, 2.0f})}, {"y", torch::tensor({-4.0f})}};
  const StateDict b{{"x", torch::tensor({3.0f, 4.0f})}, {"y", torch::tensor({0.0f})}};
  const StateDict c{{"x", torch::tensor({8.0f, 0.0f})}, {"y", torch::tensor({1.0f})}};
  expect_equal(train::average({a, b, c}),
               {{"x", torch::tensor({4.0f, 2.0f})}, {"y", torch::tensor({-1.0f})}});
  expect_equal(train::average({a}), a);
  expect_equal(train::interpolate(a, b, 0.25),
               {{"x", torch::tensor({1.5f, 2.5f})}, {"y", torch::tensor({-3.0f})}});
  expect_equal(train::interpolate(a, b, 0), a);
  expect_equal(train::interpolate(a, b, 1), b);
  EXPECT_THROW(train::average({}), Error);
  EXPECT_THROW(train::average({a, {{"x", a.at("x")}}}), Error);
  EXPECT_THROW(train::interpolate(a, {{"x", a.at("x")}, {"z", a.at("y")}}, 0.5), Error);
}

}  // namespace
}  // namespace glossa::testing
