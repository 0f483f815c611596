// The trainer on a GPU. Oracle: itself on the CPU, which agrees with NeMo (journeys_test.cc).
#include <gtest/gtest.h>

#include <filesystem>

#include "checkpoint/checkpoint.h"
#include "support/files.h"
#include "support/golden.h"
#include "train/device.h"
#include "train/trainer.h"

namespace glossa::testing {
namespace {

using torch::Tensor;

class Gpu : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!torch::cuda::is_available())
      GTEST_SKIP() << "libtorch finds no CUDA device here: what a GPU computes cannot be compared";
  }
};

train::TrainBatch some_batch(const model::ModelConfig& config) {
  torch::manual_seed(11);
  train::TrainBatch batch;
  const std::vector<std::int64_t> lengths = {240, 97, 181};
  batch.mels = torch::randn({3, config.features.mels, 241}) * 3 - 10;
  for (std::int64_t row = 0; row < 3; ++row)
    batch.mels[row].slice(1, lengths[static_cast<std::size_t>(row)]).zero_();
  batch.mel_lengths = torch::tensor(lengths);
  batch.targets = torch::randint(0, config.predictor.blank_id(), {3, 7}, torch::kInt64);
  batch.target_lengths = torch::tensor({7, 2, 5}, torch::kInt64);
  batch.slots = torch::tensor({0, 3, 9}, torch::kInt64);
  batch.frame_labels = torch::randint(-1, 40, {3, 50}, torch::kInt64);
  batch.seeds = {1, 2, 3};
  return batch;
}

TEST_F(Gpu, LearnsAsTheCpuDoes) {
  const auto base = checkpoint::read_checkpoint(testing::golden_model_path("tiny"));
  const testing::TemporaryFolder folder;
  const train::TrainBatch batch = some_batch(base->config());
  const auto losses = [&](torch::Device device, bool bf16) {
    train::TrainerOptions options;
    options.steps = 1;
    options.lr = 1e-3;
    options.clip_norm = 5;
    options.schedule.max_steps = 100;
    options.contexts = {{56, 3}};
    options.ctc_weight = 0.3;
    options.frame_label_weight = 0.5;
    options.device = device;
    options.bf16 = bf16;
    options.folder = folder.path();
    train::ProcessGroup group({});
    train::Trainer trainer(*base, options, group, {});
    return trainer.rehearse(batch, 8);
  };
  const std::vector<double> cpu = losses(torch::kCPU, false);
  const std::vector<double> gpu = losses(torch::kCUDA, false);
  const std::vector<double> mixed = losses(torch::kCUDA, true);
  EXPECT_LT(cpu.back(), 0.9 * cpu.front());
  for (std::size_t step = 0; step < cpu.size(); ++step) {
    SCOPED_TRACE(step);
    EXPECT_NEAR(gpu[step], cpu[step], 1e-2 * cpu[step]);  // products of TF32
    EXPECT_NEAR(mixed[step], cpu[step], 4e-2 * cpu[step]);
  }
}

TEST_F(Gpu, LossAndGradientAreTheCpusWithTheSameDropout) {
  torch::manual_seed(3);
  const Tensor targets = torch::randint(0, 30, {3, 6}, torch::kInt64);
  const Tensor frames = torch::tensor({20, 1, 13}, torch::kInt64);
  const Tensor labels = torch::tensor({6, 0, 4}, torch::kInt64);
  const std::vector<Tensor> inputs = {torch::randn({3, 20, 64}), torch::randn({3, 7, 64}),
                                      torch::randn({31, 64}), torch::randn({31})};
  const auto run = [&](torch::Device device) {
    std::vector<Tensor> own;
    for (const Tensor& input : inputs) own.push_back(input.to(device).detach().requires_grad_());
    const Tensor losses = train::rnnt_joint_loss(own[0], own[1], own[2], own[3], targets, frames, labels,
                                                 {.fastemit_lambda = 0.01}, /*dropout=*/0.25, /*seed=*/77);
    losses.sum().backward();
    std::vector<Tensor> results = {losses.detach().cpu()};
    for (const Tensor& tensor : own) results.push_back(tensor.grad().cpu());
    return results;
  };
  const std::vector<Tensor> cpu = run(torch::kCPU);
  const std::vector<Tensor> gpu = run(torch::kCUDA);
  for (std::size_t at = 0; at < cpu.size(); ++at)
    EXPECT_LT((gpu[at] - cpu[at]).norm().item<double>(), 1e-4 * cpu[at].norm().item<double>()) << at;
}

TEST(Device, IsTheCpuWhereThereIsNoGpuAndSaysSoWhereOneWasAskedFor) {
  EXPECT_TRUE(train::choose_device(train::Accelerator::kCpu, 0).is_cpu());
  if (torch::cuda::is_available()) {
    EXPECT_TRUE(train::choose_device(train::Accelerator::kAuto, 0).is_cuda());
  } else {
    EXPECT_TRUE(train::choose_device(train::Accelerator::kAuto, 0).is_cpu());
    EXPECT_THROW(train::choose_device(train::Accelerator::kGpu, 0), Error);
  }
}

}  // namespace
}  // namespace glossa::testing
