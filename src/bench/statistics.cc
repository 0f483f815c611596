#include "bench/statistics.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

namespace glossa::bench {
namespace {

double percentile_of_sorted(std::span<const double> sorted, double percent) {
  if (sorted.empty()) return 0;
  const auto count = static_cast<double>(sorted.size());
  const double rank = std::clamp(std::ceil(percent / 100 * count), 1.0, count);
  return sorted[static_cast<std::size_t>(rank) - 1];
}

}  // namespace

double percentile(std::span<const double> values, double percent) {
  std::vector<double> sorted(values.begin(), values.end());
  std::sort(sorted.begin(), sorted.end());
  return percentile_of_sorted(sorted, percent);
}

Summary summarize(std::span<const double> values) {
  if (values.empty()) return {};
  std::vector<double> sorted(values.begin(), values.end());
  std::sort(sorted.begin(), sorted.end());
  return {.count = sorted.size(),
          .mean = std::accumulate(sorted.begin(), sorted.end(), 0.0) / static_cast<double>(sorted.size()),
          .p10 = percentile_of_sorted(sorted, 10),
          .p50 = percentile_of_sorted(sorted, 50),
          .p95 = percentile_of_sorted(sorted, 95),
          .p99 = percentile_of_sorted(sorted, 99),
          .largest = sorted.back()};
}

}  // namespace glossa::bench
