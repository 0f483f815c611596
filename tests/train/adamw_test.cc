// Oracles: PyTorch's AdamW as recorded (cases/train/adamw), libtorch's own AdamW and clip_grad_norm_.
#include "train/optim/adamw.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>

#include "glossa/error.hpp"
#include "support/closeness.h"
#include "support/golden.h"
#include "support/message_of.h"

namespace glossa::train {
namespace {

using ::testing::HasSubstr;

torch::Tensor tensor_of(const testing::GoldenTensor& golden) {
  return torch::tensor(golden.values, torch::kFloat32).reshape(golden.shape).clone();
}

std::span<const float> values_of(const torch::Tensor& tensor) {
  return {tensor.data_ptr<float>(), static_cast<std::size_t>(tensor.numel())};
}

TrainedParameter parameter(const std::string& name, const torch::Tensor& start, double scale = 1) {
  return {name, start.clone().requires_grad_(), scale};
}

// Deterministic numbers, large and small.
torch::Tensor numbers(std::int64_t count, int seed) {
  torch::manual_seed(seed);
  return torch::randn({count});
}

TEST(AdamW, EqualsPyTorchAsRecorded) {
  const auto folder = testing::golden_dir() / "cases/train";
  std::ifstream file(folder / "adamw.json");
  const auto runs = nlohmann::json::parse(file)["runs"];
  const auto golden = testing::read_safetensors(folder / "adamw.safetensors");
  for (std::size_t run = 0; run < runs.size(); ++run) {
    const std::string prefix = "r" + std::to_string(run) + ".";
    AdamW optimizer({parameter("p", tensor_of(golden.at(prefix + "p0"))),
                     parameter("q", tensor_of(golden.at(prefix + "q0")))},
                    {.beta1 = runs[run]["betas"][0],
                     .beta2 = runs[run]["betas"][1],
                     .eps = runs[run]["eps"],
                     .weight_decay = runs[run]["weight_decay"]});
    for (int step = 0; step < runs[run]["steps"].get<int>(); ++step) {
      for (const auto& [name, tensor, scale] : optimizer.parameters()) {
        tensor.mutable_grad() = tensor_of(golden.at(prefix + "g" + name + std::to_string(step)));
      }
      optimizer.step(runs[run]["lr"].get<double>());
      for (const auto& [name, tensor, scale] : optimizer.parameters()) {
        const auto& expected = golden.at(prefix + name + std::to_string(step + 1)).values;
        EXPECT_LT(testing::relative_l2(values_of(tensor), expected), 1e-6) << prefix << name << step;
      }
    }
  }
}

// More elements than one chunk, an odd number, and a clipped gradient.
TEST(AdamW, EqualsLibtorchOnLargeTensors) {
  constexpr std::int64_t kCount = 200'003;
  const torch::Tensor start = numbers(kCount, 1);
  torch::Tensor theirs = start.clone().requires_grad_();
  torch::optim::AdamW reference({theirs},
                                torch::optim::AdamWOptions(0.3e-3).betas({0.9, 0.98}).weight_decay(0.01));
  AdamW optimizer({parameter("w", start, /*scale=*/0.3)}, {.weight_decay = 0.01});
  for (int step = 0; step < 3; ++step) {
    const torch::Tensor grad = numbers(kCount, 10 + step);
    theirs.mutable_grad() = grad.clone();
    torch::nn::utils::clip_grad_norm_({theirs}, 5.0);
    reference.step();
    optimizer.parameters()[0].tensor.mutable_grad() = grad.clone();
    const auto report = inspect_gradients(optimizer.parameters());
    EXPECT_NEAR(report.norm, grad.to(torch::kFloat64).norm().item<double>(), 1e-9 * report.norm);
    optimizer.step(1e-3, clip_factor(report.norm, 5.0));
  }
  EXPECT_LT(testing::relative_l2(values_of(optimizer.parameters()[0].tensor), values_of(theirs)), 1e-7);
}

// Oracle: libtorch's operators, one after the other; what tensors on a GPU go through.
TEST(AdamW, FusedEqualsOperators) {
  AdamW fused({parameter("w", numbers(70'001, 1))}, {.weight_decay = 0.1});
  AdamW operators({parameter("w", numbers(70'001, 1))}, {.weight_decay = 0.1, .fused = false});
  for (int step = 0; step < 4; ++step) {
    for (AdamW* optimizer : {&fused, &operators}) {
      optimizer->parameters()[0].tensor.mutable_grad() = numbers(70'001, 20 + step);
      optimizer->step(1e-2, 0.25);
    }
  }
  EXPECT_FALSE(torch::equal(fused.parameters()[0].tensor, numbers(70'001, 1)));
  EXPECT_LT(testing::relative_l2(values_of(operators.parameters()[0].tensor),
                                 values_of(fused.parameters()[0].tensor)),
            1e-7);
  EXPECT_LT(testing::relative_l2(values_of(operators.state().at("w.exp_avg_sq")),
                                 values_of(fused.state().at("w.exp_avg_sq"))),
            1e-6);
}

TEST(AdamW, ClipsAsPyTorch) {
  EXPECT_EQ(clip_factor(0.5, 1.0), 1.0);
  EXPECT_DOUBLE_EQ(clip_factor(2.0, 1.0), 1.0 / (2.0 + 1e-6));
  EXPECT_EQ(clip_factor(0.0, 1.0), 1.0);
  EXPECT_EQ(clip_factor(100.0, 0.0), 1.0);  // off
}

TEST(AdamW, NamesTheFirstGradientThatIsNoNumber) {
  std::vector<TrainedParameter> parameters = {
      parameter("a", numbers(70'000, 1)), parameter("b", numbers(70'000, 2)), parameter("c", numbers(3, 3)),
      parameter("none", numbers(3, 4))};
  for (int at = 0; at < 3; ++at)
    parameters[at].tensor.mutable_grad() = numbers(parameters[at].tensor.numel(), 9);
  EXPECT_EQ(inspect_gradients(parameters).first_not_finite, "");
  parameters[2].tensor.mutable_grad()[1] = std::numeric_limits<float>::infinity();
  EXPECT_EQ(inspect_gradients(parameters).first_not_finite, "c");
  parameters[1].tensor.mutable_grad()[69'999] = std::nanf("");
  const auto report = inspect_gradients(parameters);
  EXPECT_EQ(report.first_not_finite, "b");
  EXPECT_FALSE(std::isfinite(report.norm));
}

// The largest finite gradients must not count as infinite.
TEST(AdamW, LargeGradientsAreFinite) {
  std::vector<TrainedParameter> parameters = {parameter("a", numbers(1000, 1))};
  parameters[0].tensor.mutable_grad() = torch::full({1000}, std::numeric_limits<float>::max());
  EXPECT_EQ(inspect_gradients(parameters).first_not_finite, "");
}

// As in PyTorch: no gradient, no decay, no state.
TEST(AdamW, ParametersWithoutGradientStay) {
  AdamW optimizer({parameter("moves", numbers(5, 1)), parameter("stays", numbers(5, 2))},
                  {.weight_decay = 0.5});
  optimizer.parameters()[0].tensor.mutable_grad() = numbers(5, 3);
  optimizer.step(0.1);
  EXPECT_TRUE(torch::equal(optimizer.parameters()[1].tensor, numbers(5, 2)));
  EXPECT_FALSE(torch::equal(optimizer.parameters()[0].tensor, numbers(5, 1)));
  EXPECT_EQ(optimizer.state().size(), 3U);
  optimizer.zero_grad();
  EXPECT_EQ(optimizer.parameters()[0].tensor.grad().abs().max().item<float>(), 0);
}

// Oracle: the same run without interruption, bit by bit.
TEST(AdamW, StateContinuesBitByBit) {
  const auto run = [](AdamW& optimizer, int from, int to) {
    for (int step = from; step < to; ++step) {
      optimizer.parameters()[0].tensor.mutable_grad() = numbers(1001, 50 + step);
      optimizer.step(1e-2);
    }
  };
  AdamW whole({parameter("w", numbers(1001, 1))}, {});
  run(whole, 0, 6);
  AdamW first({parameter("w", numbers(1001, 1))}, {});
  run(first, 0, 3);
  const auto state = first.state();
  AdamW second({parameter("w", first.parameters()[0].tensor.detach())}, {});
  second.load_state(state);
  run(first, 3, 4);  // the state is a copy
  run(second, 3, 6);
  EXPECT_TRUE(torch::equal(second.parameters()[0].tensor, whole.parameters()[0].tensor));
}

TEST(AdamW, RefusesAStateThatDoesNotFit) {
  AdamW optimizer({parameter("w", numbers(4, 1))}, {});
  optimizer.parameters()[0].tensor.mutable_grad() = numbers(4, 2);
  optimizer.step(1e-2);
  const auto good = optimizer.state();
  const auto refuse = [&](auto change, const char* expected) {
    auto state = good;
    change(state);
    EXPECT_THAT(testing::message_of([&] { optimizer.load_state(state); }), HasSubstr(expected));
  };
  refuse([](auto& state) { state.erase("w.step"); }, "incomplete");
  refuse([](auto& state) { state["w.exp_avg"] = torch::zeros({5}); }, "5 values");
  refuse([](auto& state) { state["v.exp_avg"] = torch::zeros({5}); }, "v.exp_avg");
  EXPECT_TRUE(torch::equal(optimizer.state().at("w.exp_avg"), good.at("w.exp_avg")));
  EXPECT_THROW(AdamW({parameter("w", numbers(4, 1)), parameter("w", numbers(4, 1))}, {}), Error);
  EXPECT_THROW(AdamW({parameter("w", numbers(4, 1))}, {.beta1 = 1}), Error);
}

}  // namespace
}  // namespace glossa::train
