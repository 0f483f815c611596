#include "data/batch_loader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sndfile.h>

#include <mutex>
#include <stdexcept>

#include "audio/sound_files.h"
#include "base/log.h"
#include "base/tar_builder.h"
#include "glossa/error.hpp"
#include "support/files.h"
#include "support/message_of.h"

namespace glossa::data {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr int kLoaderRate = 8000;

// Twelve sounds in three tars; sound k has 800 + 80 k samples.
class LoaderConcurrency : public ::testing::Test {
 protected:
  LoaderConcurrency() {
    testing::TarBuilder tars[3];
    for (int sound = 0; sound < 12; ++sound) {
      const auto samples = testing::sweep(kLoaderRate, 0.1 + 0.01 * sound + 1e-6);
      testing::write_sound(folder_ / "x.flac", samples, kLoaderRate, 1, SF_FORMAT_FLAC | SF_FORMAT_PCM_16);
      const std::string name = std::to_string(sound) + ".flac";
      tars[sound % 3].member(name, testing::read_bytes(folder_ / "x.flac"));
      Cut cut;
      cut.id = std::to_string(sound);
      cut.audio = folder_ / ("audio_" + std::to_string(sound % 3) + ".tar");
      cut.member = name;
      cut.duration = static_cast<double>(samples.size()) / kLoaderRate;
      cuts_.push_back(cut);
    }
    for (int tar = 0; tar < 3; ++tar)
      testing::write_bytes(folder_ / ("audio_" + std::to_string(tar) + ".tar"), tars[tar].finish());
    log::set_sink([this](log::Level, std::string_view message) {
      const std::lock_guard lock(mutex_);
      warnings_.emplace_back(message);
    });
  }
  ~LoaderConcurrency() override { log::set_sink({}); }

  BatchSampler sampler(const SamplerOptions& options) { return {{{"a", 1, cuts_}}, options}; }

  testing::TemporaryFolder folder_;
  std::vector<Cut> cuts_;
  AudioReader reader_{kLoaderRate, /*most_open=*/2};
  std::mutex mutex_;
  std::vector<std::string> warnings_;
};

TEST_F(LoaderConcurrency, TheSamplersOrderWithAnyNumberOfThreads) {
  const SamplerOptions options{.batch_size = 3, .bucketing = false, .seed = 3};
  const auto transform = [](std::vector<float>& samples, const Cut&, std::uint64_t seed) {
    samples.push_back(static_cast<float>(seed % 1000));
  };
  for (const int threads : {1, 2, 5}) {
    BatchSampler plans = sampler(options);
    BatchLoader loader(sampler(options), reader_,
                       {.threads = threads, .batches_ahead = 3, .first_batch = 0, .transform = transform});
    for (int batch = 0; batch < 40; ++batch) {
      const BatchPlan plan = plans.next();
      const LoadedBatch loaded = loader.next();
      ASSERT_EQ(loaded.index, batch);
      ASSERT_EQ(loaded.cuts.size(), plan.size());
      std::size_t samples = 0;
      for (std::size_t cut = 0; cut < plan.size(); ++cut) {
        ASSERT_EQ(loaded.cuts[cut].cut->id, plan[cut].cut->id);
        ASSERT_EQ(loaded.cuts[cut].seed, plan[cut].seed);
        ASSERT_EQ(loaded.cuts[cut].samples.size(), 800u + 80u * std::stoul(plan[cut].cut->id) + 1);
        ASSERT_EQ(loaded.cuts[cut].samples.back(), static_cast<float>(plan[cut].seed % 1000));
        samples += loaded.cuts[cut].samples.size();
      }
      ASSERT_DOUBLE_EQ(loaded.seconds, static_cast<double>(samples) / kLoaderRate);
    }
    EXPECT_GE(loader.seconds_waited(), 0);
    EXPECT_EQ(loader.unreadable(), 0);
  }
}

TEST_F(LoaderConcurrency, Resumes) {
  const SamplerOptions options{.batch_size = 2};
  BatchSampler plans = sampler(options);
  plans.skip(9);
  BatchLoader loader(sampler(options), reader_, {.first_batch = 9});
  const LoadedBatch loaded = loader.next();
  EXPECT_EQ(loaded.index, 9);
  EXPECT_EQ(loaded.cuts.at(0).cut->id, plans.next().at(0).cut->id);
}

// Their cuts live as long as the batch; one part that cannot be read costs the whole.
TEST_F(LoaderConcurrency, JoinedCuts) {
  const SamplerOptions options{.batch_size = 1,
                               .shuffle = false,
                               .endless = false,
                               .join = {.share = 1, .most = 2, .pause = {0.1, 0.1}}};
  cuts_[3].member = "gone.flac";
  std::vector<LoadedBatch> batches;
  BatchLoader loader(sampler(options), reader_, {.threads = 2});
  for (LoadedBatch batch = loader.next(); !batch.end; batch = loader.next())
    batches.push_back(std::move(batch));
  ASSERT_EQ(std::erase_if(batches, [](const LoadedBatch& batch) { return batch.cuts.empty(); }), 1u);
  ASSERT_EQ(batches.size(), 5u);
  for (const LoadedBatch& batch : batches) {
    const Cut& cut = *batch.cuts.at(0).cut;
    ASSERT_EQ(cut.parts.size(), 2u);
    const int first = std::stoi(cut.id);
    EXPECT_EQ(cut.id, std::to_string(first) + " + " + std::to_string(first + 1));
    EXPECT_EQ(batch.cuts[0].samples.size(),
              2u * 800 + 2 * 800 + 80u * (2u * static_cast<unsigned>(first) + 1));
  }
  EXPECT_EQ(loader.unreadable(), 1);
}

TEST_F(LoaderConcurrency, EndsAndStaysAtTheEnd) {
  BatchLoader loader(sampler({.batch_size = 5, .shuffle = false, .endless = false}), reader_, {});
  EXPECT_EQ(loader.next().cuts.size(), 5u);
  EXPECT_EQ(loader.next().cuts.size(), 5u);
  EXPECT_EQ(loader.next().cuts.size(), 2u);
  EXPECT_TRUE(loader.next().end);
  EXPECT_TRUE(loader.next().end);
}

TEST_F(LoaderConcurrency, UnreadableCutsAreLeftOutAndToldOnce) {
  cuts_[1].member = "gone.flac";
  cuts_[4].audio = folder_ / "vanished.tar";
  cuts_[5].offset = 100;
  BatchLoader loader(sampler({.batch_size = 2, .shuffle = false}), reader_, {.threads = 3});
  std::vector<std::int64_t> indices;
  std::vector<std::size_t> sizes;
  for (int batch = 0; batch < 7; ++batch) {
    const LoadedBatch loaded = loader.next();
    indices.push_back(loaded.index);
    sizes.push_back(loaded.cuts.size());
  }
  EXPECT_THAT(indices, ElementsAre(0, 1, 2, 3, 4, 5, 6));
  EXPECT_THAT(sizes, ElementsAre(1, 2, 0, 2, 2, 2, 1));  // 2 has cuts 4 and 5
  EXPECT_GE(loader.unreadable(), 4);
  const std::lock_guard lock(mutex_);
  EXPECT_EQ(warnings_.size(), 3u);
  EXPECT_THAT(warnings_, ::testing::Contains(HasSubstr("gone.flac")));
}

TEST_F(LoaderConcurrency, DataThatIsGoneIsAnError) {
  for (Cut& cut : cuts_) cut.audio = folder_ / "vanished.tar";
  BatchLoader loader(sampler({.batch_size = 4}), reader_, {});
  for (int batch = 1; batch < 100; ++batch) EXPECT_TRUE(loader.next().cuts.empty());
  EXPECT_THAT(testing::message_of([&] { loader.next(); }), HasSubstr("vanished.tar"));
}

TEST_F(LoaderConcurrency, ErrorsOfTheTransformSurfaceInOrder) {
  const auto transform = [](std::vector<float>&, const Cut& cut, std::uint64_t) {
    if (cut.id == "3") throw std::runtime_error("bad transform");
  };
  BatchLoader loader(sampler({.batch_size = 2, .shuffle = false}), reader_,
                     {.threads = 4, .batches_ahead = 8, .first_batch = 0, .transform = transform});
  EXPECT_EQ(loader.next().index, 0);
  EXPECT_THROW(loader.next(), std::runtime_error);
  EXPECT_EQ(loader.next().index, 2);
}

TEST_F(LoaderConcurrency, MayBeDroppedAtAnyTime) {
  for (int round = 0; round < 20; ++round) {
    BatchLoader loader(sampler({.batch_size = 2}), reader_, {.threads = 3});
    if (round % 2 == 0) loader.next();
  }
}

TEST_F(LoaderConcurrency, RefusesOptionsThatCannotWork) {
  EXPECT_THROW(BatchLoader(sampler({.batch_size = 2}), reader_, {.threads = 0}), Error);
  EXPECT_THROW(BatchLoader(sampler({.batch_size = 2}), reader_, {.batches_ahead = 0}), Error);
}

}  // namespace
}  // namespace glossa::data
