// Many measurements in a few numbers.
#pragma once

#include <cstddef>
#include <span>

namespace glossa::bench {

struct Summary {
  std::size_t count = 0;
  double mean = 0;
  double p10 = 0;
  double p50 = 0;
  double p95 = 0;
  double p99 = 0;
  double largest = 0;
};

// The smallest of the values that at least `percent` of them do not exceed (nearest rank). 0 for no values.
double percentile(std::span<const double> values, double percent);

Summary summarize(std::span<const double> values);

}  // namespace glossa::bench
