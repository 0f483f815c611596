// Oracle: the outcome with weights packed in memory.
#include "engine/packed_weights.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <thread>

#include "base/log.h"
#include "base/number_formats.h"
#include "checkpoint/checkpoint.h"
#include "engine/test_streams.h"
#include "glossa/error.hpp"
#include "support/files.h"
#include "support/tiny_model.h"

namespace glossa::testing {
namespace {

namespace fs = std::filesystem;

class PackedWeightsFile : public ::testing::TestWithParam<WeightFormat> {
 protected:
  void SetUp() override {
    folder_ = fs::temp_directory_path() / ("glossa_packed_" + std::to_string(::getpid()));
    fs::create_directories(folder_ / "cache");
    model_ = write_tiny_model({.seed = 3}, folder_);
    expected_ = run({.model = model_, .weights = GetParam()});
    ASSERT_FALSE(expected_.ids.empty());
  }
  void TearDown() override {
    ::unsetenv("XDG_CACHE_HOME");
    fs::remove_all(folder_);
  }

  RecognizerOptions cached(const fs::path& folder = {}) const {
    return {
        .model = model_, .weights = GetParam(), .cache_packed_weights = true, .weight_cache_folder = folder};
  }
  // Packed is whether the load had to pack.
  Outcome run(RecognizerOptions options) {
    packed_ = false;
    options.on_packing = [this](double done) {
      EXPECT_GE(done, 0);
      EXPECT_LE(done, 1);
      packed_ = true;
    };
    const auto recognizer = Recognizer::load(options);
    const auto stream = recognizer->create_stream({});
    return run_whole(*recognizer, *stream, wandering_noise(40000, 5));
  }
  static std::vector<fs::path> files_in(const fs::path& folder) {
    std::vector<fs::path> files;
    for (const auto& entry : fs::recursive_directory_iterator(folder)) {
      if (entry.is_regular_file() && entry.path().extension() != ".nemo") files.push_back(entry.path());
    }
    return files;
  }
  fs::path only_file() const {
    const auto files = files_in(folder_);
    EXPECT_EQ(files.size(), 1u);
    return files.empty() ? fs::path() : files.front();
  }

  fs::path folder_;
  fs::path model_;
  Outcome expected_;
  bool packed_ = false;
};

TEST_P(PackedWeightsFile, IsWrittenOnceAndGivesTheSameResult) {
  EXPECT_EQ(run(cached()), expected_);
  EXPECT_TRUE(packed_);
  const fs::path file = only_file();
  EXPECT_EQ(file.parent_path(), model_.parent_path());
  const auto written = fs::last_write_time(file);
  EXPECT_EQ(run(cached()), expected_);
  EXPECT_FALSE(packed_);
  EXPECT_EQ(fs::last_write_time(only_file()), written);
}

TEST_P(PackedWeightsFile, LiesInTheFolderThatWasNamed) {
  EXPECT_EQ(run(cached(folder_ / "cache")), expected_);
  EXPECT_EQ(only_file().parent_path(), folder_ / "cache");
  EXPECT_EQ(run(cached(folder_ / "cache")), expected_);
  EXPECT_FALSE(packed_);
}

TEST_P(PackedWeightsFile, OfAnotherModelIsReplaced) {
  run(cached());
  const fs::path other = folder_ / "other";
  fs::create_directories(other);
  const fs::path changed = write_tiny_model({.seed = 4}, other);
  fs::rename(changed, model_);  // the same name, other weights
  const Outcome outcome = run(cached());
  EXPECT_TRUE(packed_);
  EXPECT_EQ(outcome, run({.model = model_, .weights = GetParam()}));
  EXPECT_NE(outcome, expected_);
  EXPECT_EQ(run(cached()), outcome);
  EXPECT_FALSE(packed_);
}

// The zip's directory is that of the good file, and so is the key: nothing may be kept of the damaged one.
TEST_P(PackedWeightsFile, IsNotMadeOfDamagedWeights) {
  const std::string good = read_bytes(model_);
  const std::string name = "encoder.layers.1.feed_forward1.linear1.weight";
  const std::vector<float> numbers = checkpoint::read_nemo(model_)->tensor(name).to_f32();
  const std::string values(reinterpret_cast<const char*>(numbers.data()), numbers.size() * sizeof(float));
  std::string bad = good;
  bad[good.find(values) + values.size() / 2] ^= 4;
  write_bytes(model_, bad);
  try {
    run(cached());
    ADD_FAILURE() << "damaged weights are used";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kBadInput);
    EXPECT_NE(std::string(error.what()).find("is damaged: its CRC-32 is "), std::string::npos)
        << error.what();
  }
  EXPECT_TRUE(files_in(folder_).empty());
  write_bytes(model_, good);
  EXPECT_EQ(run(cached()), expected_);
}

// Torn at any length, or with any byte changed: packed again, never used.
TEST_P(PackedWeightsFile, DamageIsFoundAndRepaired) {
  run(cached());
  const fs::path file = only_file();
  const std::string good = read_bytes(file);
  std::mt19937 random(7);
  log::set_sink([](log::Level, std::string_view) {});
  for (int round = 0; round < 24; ++round) {
    std::string bad = good;
    const std::size_t place = std::uniform_int_distribution<std::size_t>(0, good.size() - 1)(random);
    if (round % 2 == 0) {
      bad.resize(place);
    } else {
      // Bytes between entries belong to nothing: change a run that is longer than such a gap.
      for (std::size_t index = place; index < std::min(place + 64, bad.size()); ++index) bad[index] ^= 0x11;
    }
    write_bytes(file, bad);
    EXPECT_EQ(run(cached()), expected_);
    EXPECT_TRUE(packed_) << "round " << round << " at " << place << " of " << good.size();
  }
  log::set_sink({});
  EXPECT_EQ(run(cached()), expected_);
  EXPECT_FALSE(packed_);
}

TEST_P(PackedWeightsFile, ManyMayPackAtOnce) {
  std::vector<std::thread> threads;
  for (int index = 0; index < 4; ++index) {
    threads.emplace_back([&] {
      const auto recognizer = Recognizer::load(cached());
      const auto stream = recognizer->create_stream({});
      EXPECT_EQ(run_whole(*recognizer, *stream, wandering_noise(40000, 5)), expected_);
    });
  }
  for (std::thread& thread : threads) thread.join();
  only_file();
  EXPECT_EQ(run(cached()), expected_);
  EXPECT_FALSE(packed_);
}

// Not even root writes beside an open file's number.
TEST_P(PackedWeightsFile, GoesToTheUsersCacheWhereTheModelCannotBeWrittenTo) {
  ::setenv("XDG_CACHE_HOME", (folder_ / "cache").c_str(), 1);
  const int fd = ::open(model_.c_str(), O_RDONLY | O_CLOEXEC);
  model_ = "/proc/self/fd/" + std::to_string(fd);
  EXPECT_EQ(run(cached()), expected_);
  EXPECT_TRUE(packed_);
  EXPECT_EQ(only_file().parent_path(), folder_ / "cache" / "glossa");
  EXPECT_EQ(run(cached()), expected_);
  EXPECT_FALSE(packed_);
  ::close(fd);
}

// A folder in the file's place lets everything be written and then refuses the name.
TEST_P(PackedWeightsFile, GoesToTheUsersCacheWhenItsNameIsRefused) {
  ::setenv("XDG_CACHE_HOME", (folder_ / "cache").c_str(), 1);
  fs::path taken = model_;
  taken += std::string(".") + name_of(GetParam()) + ".packed";
  fs::create_directories(taken / "in the way");
  EXPECT_EQ(run(cached()), expected_);
  EXPECT_EQ(only_file().parent_path(), folder_ / "cache" / "glossa");
  EXPECT_EQ(run(cached()), expected_);
  EXPECT_FALSE(packed_);
}

TEST_P(PackedWeightsFile, OfAModelWithALongNameGoesToTheUsersCache) {
  ::setenv("XDG_CACHE_HOME", (folder_ / "cache").c_str(), 1);
  std::string name(245, 'n');
  name += ".nemo";
  fs::rename(model_, folder_ / name);
  model_ = folder_ / name;
  EXPECT_EQ(run(cached()), expected_);
  EXPECT_EQ(only_file().parent_path(), folder_ / "cache" / "glossa");
  EXPECT_EQ(run(cached()), expected_);
  EXPECT_FALSE(packed_);
}

INSTANTIATE_TEST_SUITE_P(Formats, PackedWeightsFile,
                         ::testing::Values(WeightFormat::kBF16, WeightFormat::kInt8, WeightFormat::kInt4),
                         [](const auto& test) { return std::string(name_of(test.param)); });

TEST(PackedWeights, F32NeedsNoFile) {
  const fs::path folder = fs::temp_directory_path() / ("glossa_packed_f32_" + std::to_string(::getpid()));
  const fs::path model = write_tiny_model({.seed = 3}, folder);
  Recognizer::load({.model = model, .cache_packed_weights = true});
  EXPECT_EQ(std::distance(fs::directory_iterator(folder), fs::directory_iterator()), 1);
  fs::remove_all(folder);
}

}  // namespace
}  // namespace glossa::testing
