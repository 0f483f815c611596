#include "data/batch_sampler.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

#include "glossa/error.hpp"
#include "support/message_of.h"

namespace glossa::data {
namespace {

using ::testing::HasSubstr;

// `count` cuts with line numbers from 0 on; durations of 1 to 20 s without a pattern.
std::vector<Cut> cuts(int count, const std::string& source = "a") {
  std::vector<Cut> result(static_cast<std::size_t>(count));
  for (int index = 0; index < count; ++index) {
    Cut& cut = result[static_cast<std::size_t>(index)];
    cut.source = source;
    cut.line = index;
    cut.duration = 1 + static_cast<double>((index * 7919) % 1900) / 100;
  }
  return result;
}

std::vector<WeightedCuts> stream(int count) { return {{"a", 1, cuts(count)}}; }

std::vector<int> lines(const BatchPlan& batch) {
  std::vector<int> result;
  for (const PlannedCut& planned : batch) result.push_back(planned.cut->line);
  return result;
}

// "source:line:seed" of a batch.
std::vector<std::string> shown(const BatchPlan& batch) {
  std::vector<std::string> result;
  for (const PlannedCut& planned : batch)
    result.push_back(planned.cut->source + ":" + std::to_string(planned.cut->line) + ":" +
                     std::to_string(planned.seed));
  return result;
}

double cost(const BatchPlan& batch, double quadratic) {
  double most = 0;
  for (const PlannedCut& planned : batch) {
    const double duration = planned.cut->duration;
    most = std::max(most, duration + duration * duration / quadratic);
  }
  return most * static_cast<double>(batch.size());
}

TEST(BatchSampler, WithoutShuffleTheOrderOfTheManifestAndAround) {
  BatchSampler sampler(stream(10), {.batch_size = 4, .shuffle = false});
  EXPECT_EQ(lines(sampler.next()), (std::vector{0, 1, 2, 3}));
  EXPECT_EQ(lines(sampler.next()), (std::vector{4, 5, 6, 7}));
  EXPECT_EQ(lines(sampler.next()), (std::vector{8, 9, 0, 1}));
  EXPECT_EQ(lines(sampler.next()), (std::vector{2, 3, 4, 5}));
}

TEST(BatchSampler, NotEndlessKeepsTheShortLastBatch) {
  BatchSampler sampler(stream(10), {.batch_size = 4, .shuffle = false, .endless = false});
  sampler.next();
  sampler.next();
  EXPECT_EQ(lines(sampler.next()), (std::vector{8, 9}));
  EXPECT_TRUE(sampler.next().empty());
  EXPECT_TRUE(sampler.next().empty());
}

TEST(BatchSampler, StreamsFollowEachOtherWithoutShuffle) {
  BatchSampler sampler({{"a", 1, cuts(2, "a")}, {"b", 5, cuts(3, "b")}}, {.batch_size = 7, .shuffle = false});
  const auto batch = sampler.next();
  EXPECT_EQ(lines(batch), (std::vector{0, 1, 0, 1, 2, 0, 1}));
  EXPECT_EQ(batch[2].cut->source, "b");
}

TEST(BatchSampler, TwoRanksWithHalfTheBatchAreOneWithTheWhole) {
  const SamplerOptions half{.batch_size = 3, .shuffle = false, .rank = 0, .ranks = 2};
  SamplerOptions other = half;
  other.rank = 1;
  BatchSampler whole(stream(20), {.batch_size = 6, .shuffle = false});
  BatchSampler first(stream(20), half);
  BatchSampler second(stream(20), other);
  for (int batch = 0; batch < 15; ++batch) {
    auto joined = shown(first.next());
    for (const std::string& cut : shown(second.next())) joined.push_back(cut);
    EXPECT_EQ(joined, shown(whole.next())) << batch;
  }
}

TEST(BatchSampler, RanksShareNothing) {
  SamplerOptions options{
      .batch_duration = 60.0, .buckets = 5, .buffer_size = 200, .endless = false, .ranks = 2};
  BatchSampler first(stream(1000), options);
  options.rank = 1;
  BatchSampler second(stream(1000), options);
  std::set<int> seen;
  std::size_t drawn = 0;
  for (BatchSampler* sampler : {&first, &second}) {
    for (BatchPlan batch = sampler->next(); !batch.empty(); batch = sampler->next()) {
      for (const int line : lines(batch)) seen.insert(line);
      drawn += batch.size();
    }
  }
  EXPECT_EQ(seen.size(), 1000u);  // every cut once, by one of them
  EXPECT_EQ(drawn, 1000u);
}

TEST(BatchSampler, SameSeedSameBatches) {
  const SamplerOptions options{.batch_duration = 100.0, .buckets = 6, .buffer_size = 300, .seed = 5};
  BatchSampler one(stream(700), options);
  BatchSampler same(stream(700), options);
  SamplerOptions changed = options;
  changed.seed = 6;
  BatchSampler other(stream(700), changed);
  int equal = 0;
  for (int batch = 0; batch < 100; ++batch) {
    const auto drawn = shown(one.next());
    EXPECT_EQ(drawn, shown(same.next()));
    equal += drawn == shown(other.next()) ? 1 : 0;
  }
  EXPECT_EQ(equal, 0);
}

TEST(BatchSampler, SkippingIsDrawing) {
  for (const bool shuffle : {false, true}) {
    const SamplerOptions options{.batch_duration = 80.0, .shuffle = shuffle, .buffer_size = 100, .ranks = 2};
    BatchSampler drawn(stream(500), options);
    for (int batch = 0; batch < 37; ++batch) drawn.next();
    BatchSampler skipped(stream(500), options);
    skipped.skip(37);
    EXPECT_EQ(shown(drawn.next()), shown(skipped.next()));
  }
}

TEST(BatchSampler, LimitsHoldForEveryBatch) {
  for (const bool bucketing : {false, true}) {
    BatchSampler sampler(stream(3000), {.batch_size = 25,
                                        .batch_duration = 120.0,
                                        .quadratic_duration = 15.0,
                                        .bucketing = bucketing,
                                        .buckets = 8,
                                        .buffer_size = 500});
    double used = 0;
    for (int batch = 0; batch < 1000; ++batch) {
      const auto plan = sampler.next();
      ASSERT_FALSE(plan.empty());
      ASSERT_LE(plan.size(), 25u);
      ASSERT_LE(cost(plan, 15), 120.0);
      used += cost(plan, 15) / 120;
    }
    // A batch stops where one more cut would not fit; a cut costs at most 47 of 120.
    EXPECT_GT(used / 1000, bucketing ? 0.6 : 0.5);
  }
}

TEST(BatchSampler, BucketsKeepLengthsTogether) {
  const auto spread = [](bool bucketing) {
    BatchSampler sampler(stream(5000),
                         {.batch_size = 10, .bucketing = bucketing, .buckets = 10, .buffer_size = 1000});
    double sum = 0;
    for (int batch = 0; batch < 200; ++batch) {
      const auto plan = sampler.next();
      const auto [shortest, longest] = std::minmax_element(
          plan.begin(), plan.end(),
          [](const PlannedCut& a, const PlannedCut& b) { return a.cut->duration < b.cut->duration; });
      sum += longest->cut->duration - shortest->cut->duration;
    }
    return sum / 200;
  };
  EXPECT_LE(spread(true), 2.0);  // 19 s in 10 buckets of equal counts: 1.9 s each
  EXPECT_GT(spread(false), 10.0);
}

TEST(BatchSampler, GivenBins) {
  BatchSampler sampler(stream(1000), {.batch_size = 5, .bucket_duration_bins = {4, 9}, .buffer_size = 200});
  for (int batch = 0; batch < 300; ++batch) {
    std::set<int> bins;
    for (const PlannedCut& planned : sampler.next())
      bins.insert(planned.cut->duration <= 4 ? 0 : planned.cut->duration <= 9 ? 1 : 2);
    ASSERT_EQ(bins.size(), 1u);
  }
}

// 100,000 draws: a share p deviates by at most 4 sqrt(p (1 - p) / 100000) = 0.0064 (one in 16,000 by chance;
// the seed is fixed).
TEST(BatchSampler, StreamsAreDrawnByWeight) {
  BatchSampler sampler(
      {{"a", 1, cuts(10, "a")}, {"b", 5, cuts(1000, "b")}, {"c", 2, cuts(3, "c")}, {"d", 0, cuts(9, "d")}},
      {.batch_size = 100, .buffer_size = 500, .seed = 1});
  std::map<std::string, double> shares;
  for (int batch = 0; batch < 1000; ++batch) {
    for (const PlannedCut& planned : sampler.next()) shares[planned.cut->source] += 1e-5;
  }
  EXPECT_NEAR(shares["a"], 0.125, 0.0064);
  EXPECT_NEAR(shares["b"], 0.625, 0.0064);
  EXPECT_NEAR(shares["c"], 0.25, 0.0064);
  EXPECT_EQ(shares.count("d"), 0u);
}

TEST(BatchSampler, EveryCutComesOnceInAPass) {
  BatchSampler sampler(stream(50), {.batch_size = 10, .bucketing = false});
  std::vector<int> first_pass;
  for (int pass = 0; pass < 3; ++pass) {
    std::vector<int> drawn;
    for (int batch = 0; batch < 5; ++batch) {
      for (const int line : lines(sampler.next())) drawn.push_back(line);
    }
    if (pass == 0) first_pass = drawn;
    if (pass == 1) {
      EXPECT_NE(drawn, first_pass);
    }
    EXPECT_EQ(std::set<int>(drawn.begin(), drawn.end()).size(), 50u);
  }
}

TEST(BatchSampler, SeedsOfCutsDiffer) {
  BatchSampler sampler(stream(5), {.batch_size = 100, .shuffle = false});
  std::set<std::uint64_t> seeds;
  for (const PlannedCut& planned : sampler.next()) seeds.insert(planned.seed);
  EXPECT_EQ(seeds.size(), 100u);
}

TEST(BatchSampler, TotalsSayWhatWasLeftOut) {
  std::vector<Cut> some(6);
  const double durations[] = {0.5, 1, 3600, 7200, 7201, 0};
  for (std::size_t index = 0; index < 6; ++index) some[index].duration = durations[index];
  BatchSampler sampler({{"a", 1, some}}, {.batch_size = 2, .min_duration = 1, .max_duration = 7200});
  EXPECT_EQ(sampler.totals().cuts, 3);
  EXPECT_DOUBLE_EQ(sampler.totals().hours, (1 + 3600 + 7200) / 3600.0);
  EXPECT_EQ(sampler.totals().too_short, 2);
  EXPECT_EQ(sampler.totals().too_long, 1);
  EXPECT_DOUBLE_EQ(sampler.totals().hours_left_out, (0.5 + 7201) / 3600.0);
}

TEST(BatchSampler, ACutThatNoBatchHoldsIsLeftOut) {
  std::vector<Cut> some(2);
  some[0].duration = 30;
  some[1].duration = 10;
  BatchSampler sampler({{"a", 1, some}}, {.batch_duration = 20.0});
  EXPECT_EQ(sampler.totals().too_long, 1);
  EXPECT_EQ(sampler.next().at(0).cut->duration, 10);
}

double padded(const BatchPlan& batch) { return cost(batch, 1e12); }

double longest(const BatchPlan& batch) {
  double most = 0;
  for (const PlannedCut& planned : batch) most = std::max(most, planned.cut->duration);
  return most;
}

TEST(BatchSampler, TheLargestOfItsBatchesAndThenFromTheBeginning) {
  SamplerOptions by_cost{.batch_duration = 60, .quadratic_duration = 30};
  SamplerOptions joined = by_cost;
  joined.join.share = 0.5;
  for (const SamplerOptions& options : {by_cost, joined, SamplerOptions{.batch_size = 4}}) {
    BatchSampler sampler(stream(300), options);
    const std::vector<BatchPlan> largest = sampler.largest_of(50);
    BatchSampler other(stream(300), options);
    double most_padded = 0;
    double longest_cut = 0;
    for (int count = 0; count < 50; ++count) {
      const BatchPlan batch = other.next();
      most_padded = std::max(most_padded, padded(batch));
      longest_cut = std::max(longest_cut, longest(batch));
      EXPECT_EQ(shown(sampler.next()), shown(batch));
    }
    EXPECT_EQ(padded(largest.front()), most_padded);
    EXPECT_EQ(longest(largest.back()), longest_cut);
    EXPECT_EQ(largest.size(), options.batch_size ? 1u : 2u);
  }
  BatchSampler once(stream(10), {.batch_size = 4, .shuffle = false, .endless = false});
  EXPECT_EQ(once.largest_of(1000).front().size(), 4u);
  EXPECT_EQ(lines(once.next()), (std::vector{0, 1, 2, 3}));
}

TEST(BatchSampler, Errors) {
  const auto error_of = [](const SamplerOptions& options) -> std::string {
    return testing::message_of([&] { BatchSampler sampler(stream(5), options); },
                               ErrorCode::kInvalidArgument);
  };
  EXPECT_THAT(error_of({}), HasSubstr("batch_size or batch_duration"));
  EXPECT_THAT(error_of({.batch_size = 0}), HasSubstr("batch_size"));
  EXPECT_THAT(error_of({.batch_size = 1, .min_duration = 100}), HasSubstr("5 are too short"));
  EXPECT_THAT(error_of({.batch_size = 1, .rank = 2, .ranks = 2}), HasSubstr("rank 2 of 2"));
  EXPECT_THAT(error_of({.batch_size = 1, .bucket_duration_bins = {2, 2}}), HasSubstr("rising order"));
}

}  // namespace
}  // namespace glossa::data
