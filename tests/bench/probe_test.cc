#include "bench/probe.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>

#include "base/process_memory.h"
#include "bench/start_up.h"
#include "glossa/error.hpp"

namespace glossa::bench {
namespace {

namespace fs = std::filesystem;

TEST(Probe, ReadsWhatItWrites) {
  const ProbeValues values = {{"begin", 123456.789012345}, {"loaded.resident", 7e8}, {"x", -1}};
  EXPECT_EQ(parse_probe(format_probe(values)), values);
  EXPECT_TRUE(parse_probe("").empty());
  EXPECT_THROW(parse_probe("begin\n"), Error);
  EXPECT_THROW(parse_probe("begin soon\n"), Error);
}

TEST(ProcessMemory, OfThisProcess) {
  const ProcessMemory memory = process_memory();
  EXPECT_GT(memory.resident, 1e6);
  EXPECT_GT(memory.anonymous, 0);
  EXPECT_GT(memory.mapped_files, 0);
  EXPECT_NEAR(memory.anonymous + memory.mapped_files, memory.resident, 0.1 * memory.resident);
}

TEST(ProcessMemory, ThePeakIsForgottenWhenAskedTo) {
  constexpr std::size_t kBytes = std::size_t{64} << 20;
  forget_peak_memory();
  const double before = peak_memory();
  { const std::vector<char> much(kBytes, 'x'); }
  EXPECT_GT(peak_memory(), before + 0.9 * kBytes);
}

class StartUpFiles : public ::testing::Test {
 protected:
  StartUpFiles() {
    std::string name = (fs::temp_directory_path() / "glossa-start-XXXXXX").string();
    folder_ = ::mkdtemp(name.data());
    std::ofstream(folder_ / "model", std::ios::binary) << std::string(100'000, 'x');
  }
  ~StartUpFiles() override { fs::remove_all(folder_); }

  fs::path folder_;
};

// A child that takes known times and leaves a file of packed weights.
TEST_F(StartUpFiles, PackingColdWarm) {
  std::vector<fs::path> seen;
  const auto probe = [&](const fs::path& weights) {
    seen.push_back(weights);
    EXPECT_EQ(fs::exists(weights / "packed"), seen.size() > 1);
    std::ofstream(weights / "packed") << std::string(10'000, 'y');
    return ProbeValues{{"spawned", 10}, {"begin", 10.25}, {"loaded", 11}, {"first_chunk", 11.5}};
  };
  const auto starts = measure_start_up(
      {.model = folder_ / "model", .model_files = {folder_ / "model"}, .packs = true, .probe = probe});
  ASSERT_EQ(starts.size(), 3u);
  EXPECT_EQ(starts[0].kind, StartKind::kPacking);
  EXPECT_EQ(starts[1].kind, StartKind::kCold);
  EXPECT_EQ(starts[2].kind, StartKind::kWarm);
  for (const StartUp& start : starts) {
    EXPECT_DOUBLE_EQ(start.begin_seconds, 0.25);
    EXPECT_DOUBLE_EQ(start.load_seconds, 0.75);
    EXPECT_DOUBLE_EQ(start.first_chunk_seconds, 1.5);
    EXPECT_LT(start.first_token_seconds, 0);
  }
  EXPECT_EQ(seen[0].parent_path(), folder_);
  EXPECT_FALSE(fs::exists(seen[0])) << "the folder is removed";
}

TEST_F(StartUpFiles, WithoutPackingThereAreTwo) {
  const auto probe = [&](const fs::path&) {
    return ProbeValues{{"spawned", 1}, {"begin", 2}, {"loaded", 3}, {"first_chunk", 4}, {"first_token", 5}};
  };
  const auto starts = measure_start_up(
      {.model = folder_ / "model", .model_files = {folder_ / "model"}, .packs = false, .probe = probe});
  ASSERT_EQ(starts.size(), 2u);
  EXPECT_DOUBLE_EQ(starts[1].first_token_seconds, 4);
}

TEST_F(StartUpFiles, WhatWasJustWrittenIsCached) { EXPECT_GT(cached_share(folder_ / "model"), 0.9); }

}  // namespace
}  // namespace glossa::bench
