// Oracles: NeMo's losses and gradients; finite differences of a plain f64 loss; the loss of whole logits
// composed with autograd, for the fused one.
#include "train/loss/rnnt_loss.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <functional>
#include <iterator>
#include <nlohmann/json.hpp>

#include "glossa/error.hpp"
#include "support/golden.h"
#include "support/message_of.h"
#include "train/loss/logit_rows.h"
#include "train/loss/rnnt_loss_internal.h"

namespace glossa::train {
namespace {

using torch::Tensor;

double relative_l2(const Tensor& actual, const Tensor& expected) {
  const double norm = expected.to(torch::kDouble).norm().item<double>();
  return (actual.to(torch::kDouble) - expected.to(torch::kDouble)).norm().item<double>() /
         (norm > 0 ? norm : 1);
}

// Restores the switches.
class RnntLoss : public ::testing::Test {
 protected:
  void TearDown() override {
    rnnt_loss_internals() = {};
    at::set_num_threads(threads_);
  }
  int threads_ = at::get_num_threads();
};

Tensor tensor_of(const testing::GoldenTensor& golden) {
  return torch::tensor(golden.values).reshape(golden.shape);
}

struct GoldenKind {
  const char* name;
  RnntLossOptions options;
};

// grad.<kind> is the gradient of the sum of the losses. 0.02 is the largest component of the clamped
// gradients.
TEST_F(RnntLoss, EqualsNemosLossesAndGradients) {
  const GoldenKind kinds[] = {{"plain", {.fastemit_lambda = 0}},
                              {"numba", {.fastemit_lambda = 0}},
                              {"numba_fe005", {.fastemit_lambda = 0.005}},
                              {"numba_fe05_clamp", {.fastemit_lambda = 0.05, .clamp = 0.02}}};
  const auto folder = testing::golden_dir() / "cases/train";
  const auto tensors = testing::read_safetensors(folder / "rnnt_loss.safetensors");
  std::ifstream file(folder / "rnnt_loss.json");
  std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  for (std::size_t at = 0; (at = text.find("Infinity")) != std::string::npos;) text.replace(at, 8, "null");
  const auto json = nlohmann::json::parse(text);  // which knows no infinity
  ASSERT_GE(json["cases"].size(), 7U);
  for (const auto& golden : json["cases"]) {
    const std::string prefix = "c" + std::to_string(golden["id"].get<int>()) + ".";
    const Tensor targets = tensor_of(tensors.at(prefix + "targets")).to(torch::kLong);
    const Tensor frames = torch::tensor(golden["input_lengths"].get<std::vector<std::int64_t>>());
    const Tensor labels = torch::tensor(golden["target_lengths"].get<std::vector<std::int64_t>>());
    for (const auto& kind : kinds) {
      for (const bool torch_operations : {false, true}) {
        SCOPED_TRACE(prefix + kind.name + (torch_operations ? " by torch operations" : ""));
        rnnt_loss_internals().force_torch_operations = torch_operations;
        const Tensor logits = tensor_of(tensors.at(prefix + "logits")).requires_grad_();
        const Tensor losses = rnnt_loss(logits, targets, frames, labels, kind.options);
        losses.sum().backward();
        const Tensor expected = torch::tensor(golden["losses"][kind.name].get<std::vector<double>>());
        EXPECT_TRUE(torch::allclose(losses.to(torch::kDouble), expected.to(torch::kDouble), 1e-5, 0))
            << losses << expected;
        EXPECT_LT(relative_l2(logits.grad(), tensor_of(tensors.at(prefix + "grad." + kind.name))), 1e-4);
      }
    }
  }
}

// A joint and a batch of utterances that differ in length; no more frames or labels than the sizes say.
struct Case {
  Tensor encoder, predictor, weight, bias;
  Tensor targets, frames, labels;

  std::vector<Tensor> inputs() const { return {encoder, predictor, weight, bias}; }
  Tensor fused(const RnntLossOptions& options, double dropout = 0, std::uint64_t seed = 0) const {
    return rnnt_joint_loss(encoder, predictor, weight, bias, targets, frames, labels, options, dropout, seed);
  }
  Tensor logits() const {
    const Tensor hidden = torch::relu(encoder.unsqueeze(2) + predictor.unsqueeze(1));
    return torch::matmul(hidden, weight.t()) + bias;
  }
  Tensor composed(const RnntLossOptions& options) const {
    return rnnt_loss(logits(), targets, frames, labels, options);
  }
};

struct Sizes {
  std::int64_t frames = 7;
  std::int64_t labels = 5;
  std::int64_t hidden = 6;
  std::int64_t classes = 9;
};

Case make_case(const Sizes& sizes, const std::vector<std::int64_t>& frames,
               const std::vector<std::int64_t>& labels) {
  torch::manual_seed(11);
  const auto batch = static_cast<std::int64_t>(frames.size());
  Case result;
  result.encoder = torch::randn({batch, sizes.frames, sizes.hidden});
  result.predictor = torch::randn({batch, sizes.labels + 1, sizes.hidden});
  result.weight = torch::randn({sizes.classes, sizes.hidden});
  result.bias = torch::randn({sizes.classes});
  result.targets = torch::randint(0, sizes.classes - 1, {batch, sizes.labels}, torch::kLong);
  result.frames = torch::tensor(frames);
  result.labels = torch::tensor(labels);
  for (Tensor input : result.inputs()) input.requires_grad_();
  return result;
}

Case ragged_case() { return make_case({}, {7, 1, 5, 3}, {5, 2, 0, 4}); }

// The utterances count differently, one not at all.
std::vector<Tensor> gradients(const Case& example, const Tensor& losses) {
  const Tensor weights = torch::tensor({1.0F, -2.0F, 0.5F, 0.0F}).narrow(0, 0, losses.size(0));
  return torch::autograd::grad({(losses * weights).sum()}, example.inputs());
}

void expect_same(const std::vector<Tensor>& actual, const std::vector<Tensor>& expected, double tolerance) {
  ASSERT_EQ(actual.size(), expected.size());
  for (std::size_t input = 0; input < expected.size(); ++input)
    EXPECT_LT(relative_l2(actual[input], expected[input]), tolerance) << "input " << input;
}

// Sum of the losses at lambda 0, from doubles and without any code of ours.
double plain_loss(const std::vector<Tensor>& inputs, const Case& example) {
  const Tensor hidden = torch::relu(inputs[0].unsqueeze(2) + inputs[1].unsqueeze(1));
  const Tensor log_probs = (torch::matmul(hidden, inputs[2].t()) + inputs[3]).log_softmax(-1);
  const auto lp = log_probs.accessor<double, 4>();
  const auto targets = example.targets.accessor<std::int64_t, 2>();
  const std::int64_t blank = log_probs.size(3) - 1;
  double loss = 0;
  for (std::int64_t b = 0; b < log_probs.size(0); ++b) {
    const auto frames = example.frames[b].item<std::int64_t>();
    const auto labels = example.labels[b].item<std::int64_t>();
    std::vector<double> ways(static_cast<std::size_t>(labels + 1), 0);  // of reaching (t, u)
    ways[0] = 1;
    for (std::int64_t t = 0; t < frames; ++t) {
      for (std::int64_t u = 0; u < labels; ++u) ways[u + 1] += ways[u] * std::exp(lp[b][t][u][targets[b][u]]);
      for (std::int64_t u = 0; u <= labels; ++u) ways[u] *= std::exp(lp[b][t][u][blank]);
    }
    loss -= std::log(ways.back());
  }
  return loss;
}

TEST_F(RnntLoss, FusedGradientsEqualFiniteDifferences) {
  const Case example = ragged_case();
  const Tensor losses = example.fused({.fastemit_lambda = 0});
  const std::vector<Tensor> actual = torch::autograd::grad({losses.sum()}, example.inputs());
  std::vector<Tensor> inputs;
  for (const Tensor& input : example.inputs()) inputs.push_back(input.detach().to(torch::kDouble).clone());
  EXPECT_NEAR(losses.sum().item<double>(), plain_loss(inputs, example), 1e-5 * losses.sum().item<double>());
  constexpr double kStep = 1e-6;
  for (std::size_t input = 0; input < inputs.size(); ++input) {
    const Tensor differences = torch::zeros_like(inputs[input]);
    for (std::int64_t element = 0; element < differences.numel(); ++element) {
      double& value = inputs[input].data_ptr<double>()[element];
      const double before = value;
      value = before + kStep;
      const double above = plain_loss(inputs, example);
      value = before - kStep;
      differences.data_ptr<double>()[element] = (above - plain_loss(inputs, example)) / (2 * kStep);
      value = before;
    }
    EXPECT_LT(relative_l2(actual[input], differences), 1e-5) << "input " << input;
  }
}

// From one row a tile to all rows in one, which keeps its logits; by loops and by torch operations.
TEST_F(RnntLoss, FusedEqualsTheLossOfWholeLogitsForAnyTile) {
  const Case example = ragged_case();
  for (const RnntLossOptions base :
       {RnntLossOptions{.fastemit_lambda = 0.3}, RnntLossOptions{.fastemit_lambda = 0.3, .clamp = 0.05},
        RnntLossOptions{.fastemit_lambda = 0}}) {
    const Tensor expected = example.composed(base);
    const std::vector<Tensor> expected_gradients = gradients(example, expected);
    for (const std::int64_t tile_bytes : {1, 5 * 9 * 4, 40 * 9 * 4, 1 << 20}) {
      for (const bool torch_operations : {false, true}) {
        SCOPED_TRACE(tile_bytes);
        rnnt_loss_internals().force_torch_operations = torch_operations;
        RnntLossOptions options = base;
        options.tile_bytes = tile_bytes;
        const Tensor losses = example.fused(options);
        EXPECT_LT(relative_l2(losses, expected), 1e-6);
        expect_same(gradients(example, losses), expected_gradients, 2e-6);
      }
    }
  }
}

TEST_F(RnntLoss, ThreadsDoNotChangeTheResult) {
  const Case example = make_case({40, 12, 64, 131}, {40, 23, 38}, {12, 9, 3});
  const auto all = [&](int threads) {
    at::set_num_threads(threads);
    const Tensor losses = example.fused({.tile_bytes = 20000});
    std::vector<Tensor> results = gradients(example, losses);
    results.push_back(losses);
    return results;
  };
  const std::vector<Tensor> one = all(1);
  expect_same(all(2), one, 2e-6);  // the matrix products may add up in another order
  expect_same(all(5), one, 2e-6);
}

// Oracle: the composition with a mask made by hidden_row() of the packed rows.
TEST_F(RnntLoss, DropoutIsTheSameInBothPassesAndOnEveryPath) {
  const Case example = ragged_case();
  constexpr double kDropout = 0.4;
  constexpr std::uint64_t kSeed = 99;
  const std::int64_t batch = 4, frames = 7, width = 6, size = 6;
  Tensor mask = torch::zeros({batch, frames, width, size});
  const std::vector<float> ones(6, 1), zeros(6, 0);
  std::int64_t row = 0;
  for (std::int64_t b = 0; b < batch; ++b)
    for (std::int64_t t = 0; t < example.frames[b].item<std::int64_t>(); ++t)
      for (std::int64_t u = 0; u <= example.labels[b].item<std::int64_t>(); ++u, ++row)
        hidden_row(ones.data(), zeros.data(), size, {kDropout, kSeed}, row, mask[b][t][u].data_ptr<float>());
  const Tensor hidden = torch::relu(example.encoder.unsqueeze(2) + example.predictor.unsqueeze(1)) * mask;
  const Tensor logits = torch::matmul(hidden, example.weight.t()) + example.bias;
  const Tensor expected = rnnt_loss(logits, example.targets, example.frames, example.labels, {});
  const std::vector<Tensor> expected_gradients = gradients(example, expected);
  EXPECT_GT(relative_l2(example.fused({}), expected), 1e-2);  // it does something
  for (const std::int64_t tile_bytes : {7 * 9 * 4, 1 << 20}) {
    for (const bool torch_operations : {false, true}) {
      rnnt_loss_internals().force_torch_operations = torch_operations;
      const Tensor losses = example.fused({.tile_bytes = tile_bytes}, kDropout, kSeed);
      EXPECT_LT(relative_l2(losses, expected), 1e-6);
      expect_same(gradients(example, losses), expected_gradients, 2e-6);
    }
  }
  EXPECT_GT(relative_l2(example.fused({}, kDropout, kSeed + 1), expected), 1e-3);
}

TEST_F(RnntLoss, FrozenInputsGetNoGradientAndChangeNoOther) {
  for (std::size_t wanted = 0; wanted < 4; ++wanted) {
    const Case example = ragged_case();
    const std::vector<Tensor> expected = gradients(example, example.fused({}));
    const std::vector<Tensor> inputs = example.inputs();
    for (std::size_t input = 0; input < 4; ++input) Tensor(inputs[input]).requires_grad_(input == wanted);
    const Tensor losses = example.fused({});
    (losses * torch::tensor({1.0F, -2.0F, 0.5F, 0.0F})).sum().backward();
    for (std::size_t input = 0; input < 4; ++input)
      EXPECT_EQ(inputs[input].grad().defined(), input == wanted);
    EXPECT_LT(relative_l2(inputs[wanted].grad(), expected[wanted]), 1e-6);
  }
}

TEST_F(RnntLoss, WithoutGradientsTheLossesAreTheSame) {
  const Case example = ragged_case();
  const Tensor expected = example.fused({});
  const torch::NoGradGuard guard;
  const Tensor losses = example.fused({.tile_bytes = 500});
  EXPECT_FALSE(losses.requires_grad());
  EXPECT_LT(relative_l2(losses, expected), 1e-6);
}

TEST_F(RnntLoss, BackwardTwiceGivesTheSame) {
  const Case example = ragged_case();
  for (const std::int64_t tile_bytes : {400, 1 << 20}) {
    const Tensor sum = example.fused({.tile_bytes = tile_bytes}).sum();
    const auto once = torch::autograd::grad({sum}, example.inputs(), {}, /*retain_graph=*/true);
    expect_same(torch::autograd::grad({sum}, example.inputs()), once, 1e-12);
  }
}

TEST_F(RnntLoss, RowsOfTheLogitsGradientSumToZero) {
  const Case example = ragged_case();
  const Tensor logits = example.logits().detach().requires_grad_();
  rnnt_loss(logits, example.targets, example.frames, example.labels, {.fastemit_lambda = 0.5})
      .sum()
      .backward();
  EXPECT_GT(logits.grad().abs().max().item<float>(), 0.1);
  EXPECT_LT(logits.grad().sum(-1).abs().max().item<float>(), 1e-6);
}

// What lies behind an utterance's end is not a number; nobody sees it, and its gradient is zero.
TEST_F(RnntLoss, PaddingIsNeverRead) {
  const Case example = ragged_case();
  const std::vector<Tensor> expected = gradients(example, example.fused({}));
  {
    const torch::NoGradGuard guard;
    for (std::int64_t b = 0; b < 4; ++b) {
      Tensor(example.encoder[b].slice(0, example.frames[b].item<std::int64_t>())).fill_(NAN);
      Tensor(example.predictor[b].slice(0, example.labels[b].item<std::int64_t>() + 1)).fill_(NAN);
      Tensor(example.targets[b].slice(0, example.labels[b].item<std::int64_t>())).fill_(-77);
    }
  }
  for (const bool torch_operations : {false, true}) {
    rnnt_loss_internals().force_torch_operations = torch_operations;
    expect_same(gradients(example, example.fused({})), expected, 1e-6);
    const Tensor logits = example.logits().detach().requires_grad_();
    rnnt_loss(logits, example.targets, example.frames, example.labels, {}).sum().backward();
    EXPECT_TRUE(logits.grad().isfinite().all().item<bool>());
    EXPECT_EQ(logits.grad()[1].slice(0, 1).abs().max().item<float>(), 0);
    EXPECT_EQ(logits.grad()[2].slice(1, 1).abs().max().item<float>(), 0);
  }
}

TEST_F(RnntLoss, ExtremeLogitsStayFinite) {
  for (const bool torch_operations : {false, true}) {
    rnnt_loss_internals().force_torch_operations = torch_operations;
    const Case example = make_case({}, {7, 4}, {5, 5});
    const Tensor logits = example.logits().detach().sign().mul(1e4).requires_grad_();
    const Tensor losses = rnnt_loss(logits, example.targets, example.frames, example.labels, {});
    losses.sum().backward();
    EXPECT_TRUE(losses.isfinite().all().item<bool>());
    EXPECT_GT(losses.max().item<float>(), 1e4);
    EXPECT_TRUE(logits.grad().isfinite().all().item<bool>());
    EXPECT_LT(logits.grad().sum(-1).abs().max().item<float>(), 1e-3);  // f32's step at 1e4
    const Case scaled = example;
    Tensor(scaled.weight).detach().mul_(3000);
    const Tensor fused = scaled.fused({});
    EXPECT_TRUE(fused.isfinite().all().item<bool>());
    for (const Tensor& gradient : gradients(scaled, fused))
      EXPECT_TRUE(gradient.isfinite().all().item<bool>());
  }
}

// A step that has gone wrong must be seen by whoever looks at the gradients.
TEST_F(RnntLoss, NotANumberArrivesAtTheParameters) {
  const Case example = ragged_case();
  Tensor(example.encoder[2][1][3]).detach().fill_(NAN);
  const Tensor losses = example.fused({});
  EXPECT_TRUE(losses[2].isnan().item<bool>());
  EXPECT_TRUE(losses[0].isfinite().item<bool>());
  EXPECT_TRUE(gradients(example, losses)[2].isnan().any().item<bool>());
}

// Oracle: the same with every node computed.
TEST_F(RnntLoss, NegligibleNodesAreNotMissed) {
  const Case example = make_case({120, 60, 16, 33}, {120, 90}, {60, 25});
  const std::vector<Tensor> actual = gradients(example, example.fused({.tile_bytes = 100000}));
  EXPECT_LT(rnnt_loss_internals().backward_nodes, rnnt_loss_internals().nodes);
  rnnt_loss_internals().negligible_occupancy = 0;
  expect_same(actual, gradients(example, example.fused({.tile_bytes = 100000})), 1e-6);
  EXPECT_EQ(rnnt_loss_internals().backward_nodes, 120 * 61 + 90 * 26);
}

TEST_F(RnntLoss, WhatDoesNotFitIsAnError) {
  const auto message = [](const std::function<void(Case&)>& change) -> std::string {
    Case example = ragged_case();
    change(example);
    return testing::message_of([&] { example.fused({}); }, ErrorCode::kInvalidArgument);
  };
  using ::testing::HasSubstr;
  EXPECT_THAT(message([](Case& example) { example.frames[1] = 0; }),
              HasSubstr("encoder_lengths[1] is 0, expected 1..7"));
  EXPECT_THAT(message([](Case& example) { example.frames[0] = 8; }),
              HasSubstr("encoder_lengths[0] is 8, expected 1..7"));
  EXPECT_THAT(message([](Case& example) { example.labels[3] = -1; }), HasSubstr("target_lengths[3] is -1"));
  EXPECT_THAT(message([](Case& example) { example.labels[3] = 6; }),
              HasSubstr("target_lengths[3] is 6, expected 0..5"));
  EXPECT_THAT(message([](Case& example) { example.targets = example.targets.narrow(1, 0, 4); }),
              HasSubstr("target_lengths[0] is 5, expected 0..4"));
  EXPECT_THAT(message([](Case& example) { example.targets[0][2] = 8; }),
              HasSubstr("targets[0][2] is 8, expected 0..7"));
  EXPECT_THAT(message([](Case& example) { example.targets[0][2] = -1; }), HasSubstr("targets[0][2] is -1"));
  EXPECT_THAT(message([](Case& example) {
                example.frames = torch::tensor({7, 1, 5});
              }),
              HasSubstr("encoder_lengths must be integers, 4 of them"));
  EXPECT_THAT(message([](Case& example) {
                example.targets = torch::zeros({4, 5});
              }),
              HasSubstr("targets must be integers"));
  EXPECT_THAT(message([](Case& example) {
                example.weight = torch::zeros({9, 5});
              }),
              HasSubstr("weight [9, 5], bias [9] do not fit"));
  const Case example = ragged_case();
  EXPECT_THROW(example.fused({.tile_bytes = 0}), Error);
  EXPECT_THROW(example.fused({}, 1.0), Error);
  EXPECT_THROW(rnnt_loss(torch::zeros({2, 3, 4}), example.targets, example.frames, example.labels, {}),
               Error);
}

}  // namespace
}  // namespace glossa::train
