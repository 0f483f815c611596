#include "bench/statistics.h"

#include <gtest/gtest.h>

#include <numeric>
#include <vector>

namespace glossa::bench {
namespace {

TEST(Percentile, IsAMeasuredValue) {
  const std::vector<double> values = {30, 10, 20};
  EXPECT_EQ(percentile(values, 50), 20);
  EXPECT_EQ(percentile(values, 95), 30);
  EXPECT_EQ(percentile(values, 0), 10);
  EXPECT_EQ(percentile(values, 100), 30);
  EXPECT_EQ(percentile(std::vector<double>{7}, 99), 7);
  EXPECT_EQ(percentile({}, 50), 0);
}

// Nearest rank by hand: of 1 to 200, 95 % are not above 190.
TEST(Summarize, OneToTwoHundred) {
  std::vector<double> values(200);
  std::iota(values.rbegin(), values.rend(), 1.0);
  const Summary summary = summarize(values);
  EXPECT_EQ(summary.count, 200u);
  EXPECT_DOUBLE_EQ(summary.mean, 100.5);
  EXPECT_EQ(summary.p10, 20);
  EXPECT_EQ(summary.p50, 100);
  EXPECT_EQ(summary.p95, 190);
  EXPECT_EQ(summary.p99, 198);
  EXPECT_EQ(summary.largest, 200);
}

TEST(Summarize, NothingIsZero) {
  const Summary summary = summarize({});
  EXPECT_EQ(summary.count, 0u);
  EXPECT_EQ(summary.mean, 0);
  EXPECT_EQ(summary.p99, 0);
}

}  // namespace
}  // namespace glossa::bench
