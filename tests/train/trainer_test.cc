#include "train/trainer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include "checkpoint/checkpoint.h"
#include "glossa/error.hpp"
#include "support/files.h"
#include "support/golden.h"
#include "support/message_of.h"

namespace glossa::train {
namespace {

TrainBatch batch_of(const torch::Tensor& mels, std::int64_t frames) {
  TrainBatch batch;
  batch.mels = mels;
  batch.mel_lengths = torch::tensor({frames});
  batch.targets = torch::tensor({{5, 6, 7}}, torch::kInt64);
  batch.target_lengths = torch::tensor({3}, torch::kInt64);
  batch.slots = torch::tensor({0}, torch::kInt64);
  batch.seeds = {1};
  batch.seconds = static_cast<double>(frames) / 100;
  return batch;
}

class TriedBatch : public ::testing::Test {
 protected:
  TriedBatch() {
    options_.steps = 1;
    options_.lr = 1e-3;
    options_.schedule.max_steps = 100;
    options_.contexts = {{56, 3}};
    options_.folder = folder_.path();
  }

  const testing::TemporaryFolder folder_;
  const std::shared_ptr<const checkpoint::Checkpoint> base_ =
      checkpoint::read_checkpoint(testing::golden_model_path("tiny"));
  const std::int64_t mels_ = base_->config().features.mels;
  ProcessGroup group_{{}};
  TrainerOptions options_;
};

// Whatever a run draws: dropout, masks, contexts, in shares and in parts of a step.
TEST_F(TriedBatch, ChangesNothingOfTheRun) {
  torch::manual_seed(3);
  const TrainBatch one = batch_of(torch::randn({1, mels_, 201}), 200);
  TrainBatch two = one;
  for (torch::Tensor* tensor : {&two.mels, &two.mel_lengths, &two.targets, &two.target_lengths, &two.slots})
    *tensor = torch::cat({*tensor, *tensor});
  two.seeds = {1, 2};
  options_.steps = 3;
  options_.accumulate = 2;
  options_.shares = 2;
  options_.spec_augment = SpecAugmentConfig{};
  options_.contexts = {{56, 3}, {56, 0}};
  const auto trained = [&](bool tries) {
    options_.folder = folder_ / (tries ? "tried" : "fresh");
    Trainer trainer(*base_, options_, group_, {});
    if (tries) trainer.try_batch(two);
    const TrainingOutcome outcome = trainer.run([&] { return two; }, "model");
    std::vector<float> weights;
    const auto model = checkpoint::read_checkpoint(outcome.model);
    for (const checkpoint::TensorView& tensor : model->tensors()) {
      const std::vector<float> values = tensor.to_f32();
      weights.insert(weights.end(), values.begin(), values.end());
    }
    return weights;
  };
  EXPECT_EQ(trained(true), trained(false));
}

// A sound of a century, of which no frame is in memory before somebody computes with it; the limit is for
// systems that promise any memory.
TEST_F(TriedBatch, SaysThatItDoesNotFit) {
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_AS, &before), 0);
  rlimit terabyte = before;
  terabyte.rlim_cur = std::min<rlim_t>(before.rlim_max, rlim_t{1} << 40);
  ASSERT_EQ(::setrlimit(RLIMIT_AS, &terabyte), 0);
  const std::int64_t frames = std::int64_t{100} * 3600 * 24 * 36500;
  const TrainBatch batch = batch_of(torch::zeros({1, mels_, 1}).expand({1, mels_, frames + 1}), frames);
  Trainer trainer(*base_, options_, group_, {});
  EXPECT_THAT(testing::message_of([&] { trainer.try_batch(batch); }, ErrorCode::kInvalidArgument),
              ::testing::HasSubstr("does not fit into memory (got 1 utterances with 3153600000 s"));
  ::setrlimit(RLIMIT_AS, &before);
}

}  // namespace
}  // namespace glossa::train
