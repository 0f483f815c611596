#include "checkpoint/checkpoint_name.h"

#include <gtest/gtest.h>

#include "support/files.h"

namespace glossa::checkpoint {
namespace {

namespace fs = std::filesystem;

TEST(CheckpointName, LosesWhatKindOfFileItIs) {
  EXPECT_EQ(checkpoint_name("models/greek.nemo"), "greek");
  EXPECT_EQ(checkpoint_name("nemotron-3.5-asr-0.6b.gguf"), "nemotron-3.5-asr-0.6b");
  EXPECT_EQ(checkpoint_name("nemotron-0.6b"), "nemotron-0.6b") << "the beginning of no file's ending";
}

TEST(CheckpointName, IsAFoldersWholeName) {
  const testing::TemporaryFolder folder;
  for (const char* name : {"nemotron-3.5-asr-streaming-0.6b", "odd.nemo"}) {
    fs::create_directory(folder / name);
    EXPECT_EQ(checkpoint_name(folder / name), name);
    EXPECT_EQ(checkpoint_name(folder / (std::string(name) + "/")), name);
    EXPECT_EQ(plain_path(folder / (std::string(name) + "/")), folder / name);
    EXPECT_EQ(checkpoint_name(folder / (std::string(name) + "/.")), name);
  }
  const fs::path back = fs::current_path();
  fs::current_path(folder / "odd.nemo");
  EXPECT_EQ(checkpoint_name("."), "odd.nemo");
  EXPECT_EQ(checkpoint_name("./"), "odd.nemo");
  EXPECT_EQ(plain_path("model.gguf"), "model.gguf");
  fs::current_path(back);
}

}  // namespace
}  // namespace glossa::checkpoint
