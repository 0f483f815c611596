#include "train/checkpoint_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>

#include "glossa/error.hpp"
#include "support/golden.h"
#include "train/tensor_file.h"

namespace glossa::train {
namespace {

namespace fs = std::filesystem;

class CheckpointStoreTest : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = fs::temp_directory_path() / ("glossa_store_" + std::to_string(::getpid()));
    fs::create_directories(folder_);
    base_ = checkpoint::read_checkpoint(testing::golden_model_path("tiny"));
    AsrModel model(base_->config(), DropoutConfig{});
    load_checkpoint(model, *base_);
    weights_ = state_of(model);
  }
  void TearDown() override { fs::remove_all(folder_); }

  SavedStep save(CheckpointStore& store, std::int64_t step) const {
    return store.save(step, weights_, {{"a.exp_avg", torch::full({2}, static_cast<double>(step))}},
                      {{"step", std::to_string(step)}});
  }

  fs::path folder_;
  std::shared_ptr<const checkpoint::Checkpoint> base_;
  StateDict weights_;
};

TEST_F(CheckpointStoreTest, KeepsTheNewestAndTheBest) {
  CheckpointStore store(folder_, 2, *base_);
  const std::map<std::int64_t, double> scores = {{1, 0.5}, {2, 0.3}, {3, 0.4}, {4, 0.9}};
  for (const auto& [step, score] : scores) {
    save(store, step);
    store.score(step, score);
  }
  EXPECT_EQ(store.best(), (std::vector<std::int64_t>{2, 3, 4}));
  for (const auto& [step, kept] : std::map<std::int64_t, bool>{{1, false}, {2, true}, {3, true}, {4, true}})
    EXPECT_EQ(fs::exists(store.model_path(step)), kept) << step;
  EXPECT_FALSE(fs::exists(store.state_path(3))) << "only the newest can be gone on from";
  ASSERT_TRUE(store.newest());
  EXPECT_EQ(store.newest()->step, 4);

  const CheckpointStore again(folder_, 2, *base_);  // a resumed run knows the scores
  EXPECT_EQ(again.scores(), scores);
}

TEST_F(CheckpointStoreTest, AStepWithoutItsStateIsNotSaved) {
  CheckpointStore store(folder_, 2, *base_);
  save(store, 1);
  std::ofstream(store.model_path(2)) << "killed while writing the state";
  EXPECT_EQ(store.newest()->step, 1);
  store.forget_after(1);
  EXPECT_FALSE(fs::exists(store.model_path(2)));
}

TEST_F(CheckpointStoreTest, WhatAKilledProcessHasLeftGoes) {
  CheckpointStore store(folder_, 2, *base_);
  EXPECT_FALSE(CheckpointStore::last_saved(folder_));
  EXPECT_FALSE(CheckpointStore::last_saved(folder_ / "nothing"));
  save(store, 1);
  const fs::path left = folder_ / ".step-00000002.nemo.123-0.partial";
  std::ofstream(left) << "half";
  store.remove_half_written();
  EXPECT_FALSE(fs::exists(left));
  EXPECT_TRUE(fs::exists(store.model_path(1)));
  EXPECT_EQ(CheckpointStore::last_saved(folder_), fs::last_write_time(store.state_path(1)));
}

TEST_F(CheckpointStoreTest, AFullDiskCostsOnlyTheNewStep) {
  CheckpointStore store(folder_, 2, *base_);
  save(store, 1);
  fs::create_directories(store.state_path(2) / "in the way");  // the file cannot get its name
  EXPECT_THROW(save(store, 2), Error);
  EXPECT_FALSE(fs::exists(store.model_path(2))) << "room for the next step";
  EXPECT_EQ(read_tensor_file(store.state_path(1)).tensors.at("a.exp_avg")[0].item<float>(), 1);
}

TEST(TensorFileTest, ComesBackBitByBit) {
  const fs::path path = fs::temp_directory_path() / ("glossa_tensors_" + std::to_string(::getpid()));
  torch::manual_seed(3);
  const StateDict tensors = {
      {"a", torch::randn({3, 5})}, {"scalar", torch::full({}, 2.5)}, {"none", torch::empty({0, 4})}};
  write_tensor_file(path, tensors, {{"step", "7"}});
  const TensorFile file = read_tensor_file(path);
  EXPECT_EQ(file.metadata.at("step"), "7");
  ASSERT_EQ(file.tensors.size(), tensors.size());
  for (const auto& [name, tensor] : tensors) {
    EXPECT_EQ(file.tensors.at(name).sizes(), tensor.sizes()) << name;
    EXPECT_TRUE(torch::equal(file.tensors.at(name), tensor)) << name;
  }
  const auto whole = fs::file_size(path);
  for (const std::uintmax_t size : {whole - 1, whole / 2, std::uintmax_t{9}, std::uintmax_t{3}}) {
    fs::resize_file(path, size);
    EXPECT_THROW(read_tensor_file(path), Error) << size;
  }
  fs::remove(path);
}

}  // namespace
}  // namespace glossa::train
