// A batch in shares, dropout and the CTC head. Oracles: the whole batch on one thread; the mask that the
// forward pass shows; enumeration of CTC's alignments.
#include <gtest/gtest.h>

#include <array>
#include <set>
#include <stdexcept>

#include "support/closeness.h"
#include "train/batch_gradients.h"
#include "train/loss/ctc_head.h"
#include "train/nn/dropout.h"
#include "train/nn/golden_batch.h"

namespace glossa::testing {
namespace {

using torch::Tensor;
using train::TrainBatch;

TrainBatch batch_of(const GoldenModel& golden, const std::vector<std::string>& audio) {
  const MelBatch mels = golden_mels(*golden.checkpoint, audio);
  const auto size = static_cast<std::int64_t>(audio.size());
  TrainBatch batch;
  batch.mels = mels.mels;
  batch.mel_lengths = mels.lengths;
  batch.target_lengths = torch::arange(3, 3 + size, torch::kInt64);
  batch.targets = torch::randint(1, 250, {size, 2 + size}, torch::kInt64);
  batch.slots = torch::arange(size, torch::kInt64);
  for (std::int64_t row = 0; row < size; ++row) batch.seeds.push_back(static_cast<std::uint64_t>(100 + row));
  return batch;
}

Tensor mean_loss(train::AsrModel& model, const TrainBatch& batch) {
  const train::EncoderOutput encoded = model->encoder(batch.mels, batch.mel_lengths, {56, 3});
  const Tensor fused = model->prompt_fusion(encoded.frames, batch.slots);
  const Tensor states = model->predictor(batch.targets);
  Tensor sum = torch::zeros({});
  for (std::int64_t row = 0; row < batch.size(); ++row) {
    sum = sum + fused[row].narrow(0, 0, encoded.lengths[row].item<std::int64_t>()).square().mean() +
          states[row].narrow(0, 0, batch.target_lengths[row].item<std::int64_t>() + 1).square().mean();
  }
  return sum / batch.size();
}

TEST(Shares, HaveEveryUtteranceOnceAndNoMoreWidthThanTheyNeed) {
  const GoldenModel golden = golden_model("tiny");
  const TrainBatch batch =
      batch_of(golden, {"en-US_0.wav", "es-ES_5.wav", "de-DE_6.wav", "en-US_2.wav", "en-US_0.wav"});
  for (const int count : {1, 2, 3, 9}) {
    SCOPED_TRACE(count);
    const std::vector<TrainBatch> shares = train::split(batch, count);
    EXPECT_EQ(shares.size(), static_cast<std::size_t>(std::min(count, 5)));
    std::multiset<std::uint64_t> seeds;
    for (const TrainBatch& share : shares) {
      EXPECT_EQ(share.mels.size(2), share.mel_lengths.max().item<std::int64_t>() + 1);
      EXPECT_EQ(share.targets.size(1), share.target_lengths.max().item<std::int64_t>());
      for (std::int64_t row = 0; row < share.size(); ++row) {
        const std::uint64_t seed = share.seeds[static_cast<std::size_t>(row)];
        seeds.insert(seed);
        const auto whole = static_cast<std::int64_t>(seed - 100);
        EXPECT_TRUE(torch::equal(share.mels[row], batch.mels[whole].narrow(1, 0, share.mels.size(2))));
        EXPECT_TRUE(
            torch::equal(share.targets[row], batch.targets[whole].narrow(0, 0, share.targets.size(1))));
        EXPECT_EQ(share.slots[row].item<std::int64_t>(), whole);
      }
    }
    EXPECT_EQ(seeds, (std::multiset<std::uint64_t>{100, 101, 102, 103, 104}));
  }
}

TEST(Shares, AddUpToTheGradientOfTheWholeBatch) {
  GoldenModel golden = golden_model("tiny");
  torch::manual_seed(5);
  const TrainBatch batch =
      batch_of(golden, {"en-US_0.wav", "es-ES_5.wav", "de-DE_6.wav", "en-US_2.wav", "en-US_0.wav"});
  std::vector<Tensor> parameters;
  for (const Tensor& parameter : golden.model->parameters()) parameters.push_back(parameter);
  const auto gradient = [&](int count, double* loss) {
    for (Tensor& parameter : parameters) parameter.mutable_grad() = Tensor();
    train::BatchGradients gradients(parameters, count);
    *loss = gradients.add(batch, 0.5,
                          [&](const TrainBatch& share, int) { return mean_loss(golden.model, share); });
    std::vector<Tensor> copies;
    for (const Tensor& parameter : parameters)
      copies.push_back(parameter.grad().defined() ? parameter.grad().clone() : torch::zeros_like(parameter));
    return copies;
  };
  double whole_loss = 0;
  const std::vector<Tensor> whole = gradient(1, &whole_loss);
  for (const int count : {2, 3}) {
    SCOPED_TRACE(count);
    double loss = 0;
    const std::vector<Tensor> sum = gradient(count, &loss);
    EXPECT_NEAR(loss, whole_loss, 1e-5 * whole_loss);
    double again = 0;
    const std::vector<Tensor> repeated = gradient(count, &again);
    EXPECT_EQ(again, loss);
    for (std::size_t at = 0; at < whole.size(); ++at) {
      EXPECT_LE((sum[at] - whole[at]).norm().item<double>(), 1e-4 * whole[at].norm().item<double>() + 1e-6)
          << at;
      EXPECT_TRUE(torch::equal(sum[at], repeated[at])) << "a run must repeat bit by bit";
    }
  }
}

TEST(Shares, WhatALossThrowsComesOut) {
  GoldenModel golden = golden_model("tiny");
  const TrainBatch batch = batch_of(golden, {"en-US_0.wav", "es-ES_5.wav"});
  train::BatchGradients gradients({golden.model->parameters().front()}, 2);
  EXPECT_THROW(
      gradients.add(batch, 1, [](const TrainBatch&, int) -> Tensor { throw std::runtime_error("no"); }),
      std::runtime_error);
}

TEST(Dropout, KeepsTheMeanAndSendsTheGradientWhereTheValueWent) {
  train::seed_dropout(9);
  const Tensor x = torch::ones({3, 7000}, torch::requires_grad());
  const Tensor y = train::drop(x, 0.25);
  EXPECT_NEAR((y == 0).to(torch::kFloat).mean().item<double>(), 0.25, 0.01);
  EXPECT_NEAR(y.mean().item<double>(), 1, 0.02);
  (y * torch::full_like(y, 3)).sum().backward();
  EXPECT_TRUE(torch::equal(x.grad(), 3 * y.detach()));
  EXPECT_FALSE(torch::equal(train::drop(x, 0.25), y)) << "each call draws anew";
  train::seed_dropout(9);
  EXPECT_TRUE(torch::equal(train::drop(x, 0.25), y)) << "a seed repeats";
  EXPECT_TRUE(torch::equal(train::drop(x, 0), x));
}

// Three frames, labels "a b": a a b, a b b, a b -, a - b, - a b.
TEST(CtcHead, SumsTheAlignmentsAndLeavesOutWhatHasNone) {
  torch::manual_seed(3);
  train::CtcHead head(4, 2);
  const Tensor frames = torch::randn({2, 3, 4}, torch::requires_grad());
  const Tensor targets = torch::tensor({{0, 1, 0, 1}, {0, 1, 0, 1}}, torch::kLong);
  const Tensor losses = head->loss(frames, torch::tensor({3, 3}), targets, torch::tensor({2, 4}));
  const auto parameters = head->named_parameters();
  const Tensor scores =
      torch::log_softmax(torch::linear(frames[0], parameters["weight"], parameters["bias"]), -1);
  Tensor sum = torch::zeros({});
  for (const auto& path : {std::array{0, 0, 1}, {0, 1, 1}, {0, 1, 2}, {0, 2, 1}, {2, 0, 1}})
    sum = sum + (scores[0][path[0]] + scores[1][path[1]] + scores[2][path[2]]).exp();
  EXPECT_NEAR(losses[0].item<double>(), -sum.log().item<double>(), 1e-5);
  EXPECT_EQ(losses[1].item<double>(), 0) << "four labels in three frames";
  losses.sum().backward();
  EXPECT_EQ(frames.grad()[1].abs().max().item<double>(), 0);
  EXPECT_GT(frames.grad()[0].abs().max().item<double>(), 0);
}

}  // namespace
}  // namespace glossa::testing
