#include "eval/bootstrap.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <vector>

#include "glossa/error.hpp"

namespace glossa::eval {
namespace {

std::vector<RateSample> coin_flips(int count, double rate, unsigned seed) {
  std::mt19937 random(seed);
  std::vector<RateSample> samples;
  for (int index = 0; index < count; ++index)
    samples.push_back({random() < rate * 4294967296.0 ? 1.0 : 0.0, 1.0});
  return samples;
}

double rate_of(const std::vector<RateSample>& samples) {
  double errors = 0;
  for (const RateSample& sample : samples) errors += sample.errors;
  return errors / static_cast<double>(samples.size());
}

// Oracle: the normal approximation of a binomial rate, p +- 1.96 sqrt(p (1 - p) / n). 1000 resamples place an
// end of the interval to about a twentieth of its distance from p; a fifth is allowed.
TEST(BootstrapInterval, AgreesWithTheNormalApproximation) {
  const auto samples = coin_flips(2000, 0.2, 3);
  const double rate = rate_of(samples);
  const double half = 1.96 * std::sqrt(rate * (1 - rate) / 2000);
  const Interval interval = bootstrap_interval(samples);
  EXPECT_NEAR(interval.low, rate - half, half / 5);
  EXPECT_NEAR(interval.high, rate + half, half / 5);
}

// By hand: two utterances, one with rate 0 and one with rate 1; of all resamples a quarter is 0, a quarter 1.
TEST(BootstrapInterval, TwoUtterances) {
  const std::vector<RateSample> samples = {{0, 5}, {5, 5}};
  const Interval wide = bootstrap_interval(samples);
  EXPECT_EQ(wide.low, 0.0);
  EXPECT_EQ(wide.high, 1.0);
  const Interval narrow = bootstrap_interval(samples, {.confidence = 0.4});  // the middle 40 % are all 1/2
  EXPECT_EQ(narrow.low, 0.5);
  EXPECT_EQ(narrow.high, 0.5);
}

TEST(BootstrapInterval, SameSeedSameInterval) {
  const auto samples = coin_flips(50, 0.3, 4);
  const Interval one = bootstrap_interval(samples);
  const Interval again = bootstrap_interval(samples);
  EXPECT_EQ(one.low, again.low);
  EXPECT_EQ(one.high, again.high);
}

TEST(BootstrapInterval, WithoutUnits) {
  EXPECT_EQ(bootstrap_interval({}).high, 0.0);
  const std::vector<RateSample> silent = {{3, 0}};
  EXPECT_EQ(bootstrap_interval(silent).high, 0.0);
  const std::vector<RateSample> constant = {{1, 4}, {1, 4}, {1, 4}};
  EXPECT_EQ(bootstrap_interval(constant).low, 0.25);
  EXPECT_EQ(bootstrap_interval(constant).high, 0.25);
}

// A small difference on every utterance is sure although both rates vary much: the pairing is what shows it.
TEST(BootstrapDifference, PairsUtterances) {
  std::mt19937 random(5);
  std::vector<RateSample> first;
  std::vector<RateSample> second;
  for (int index = 0; index < 100; ++index) {
    const double errors = random() % 20;
    first.push_back({errors, 30});
    second.push_back({errors + 1, 30});
  }
  const PairedDifference paired = bootstrap_difference(first, second);
  EXPECT_NEAR(paired.difference, -1.0 / 30, 1e-12);
  EXPECT_NEAR(paired.interval.low, -1.0 / 30, 1e-12);
  EXPECT_NEAR(paired.interval.high, -1.0 / 30, 1e-12);
  EXPECT_EQ(paired.first_better, 1.0);
  EXPECT_TRUE(paired.is_significant());
  const Interval alone = bootstrap_interval(first);
  EXPECT_GT(alone.high - alone.low, 1.0 / 30);
}

TEST(BootstrapDifference, SameSystemIsNoDifference) {
  const auto samples = coin_flips(40, 0.5, 6);
  const PairedDifference paired = bootstrap_difference(samples, samples);
  EXPECT_EQ(paired.difference, 0.0);
  EXPECT_EQ(paired.first_better, 0.5);
  EXPECT_FALSE(paired.is_significant());
  EXPECT_THROW(bootstrap_difference(samples, {}), Error);
}

}  // namespace
}  // namespace glossa::eval
