#include "eval/bootstrap.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <random>
#include <vector>

#include "base/fail.h"

namespace glossa::eval {
namespace {

struct Sum {
  RateSample total;
  void add(const RateSample& sample) {
    total.errors += sample.errors;
    total.units += sample.units;
  }
  bool has_rate() const { return total.units > 0; }
  double rate() const { return total.errors / total.units; }
};

// Calls use(index) for as many utterances as there are, drawn with replacement.
template <class Use>
void resample(std::mt19937_64& random, std::size_t count, const Use& use) {
  // The engine's numbers are the same everywhere, a standard distribution's are not; the remainder's bias is
  // below 1e-13 for a million utterances.
  for (std::size_t drawn = 0; drawn < count; ++drawn) use(static_cast<std::size_t>(random() % count));
}

// Linear between the two nearest of the ascending values.
double quantile(const std::vector<double>& ascending, double part) {
  const double position = part * static_cast<double>(ascending.size() - 1);
  const auto below = static_cast<std::size_t>(std::floor(position));
  const std::size_t above = std::min(below + 1, ascending.size() - 1);
  const double share = position - static_cast<double>(below);
  return ascending[below] + share * (ascending[above] - ascending[below]);
}

Interval percentile_interval(std::vector<double> values, double confidence) {
  if (values.empty()) return {};
  std::sort(values.begin(), values.end());
  const double outside = (1 - confidence) / 2;
  return {quantile(values, outside), quantile(values, 1 - outside)};
}

}  // namespace

Interval bootstrap_interval(std::span<const RateSample> samples, const BootstrapOptions& options) {
  if (samples.empty()) return {};
  std::mt19937_64 random(options.seed);
  std::vector<double> rates;
  for (int round = 0; round < options.resamples; ++round) {
    Sum sum;
    resample(random, samples.size(), [&](std::size_t index) { sum.add(samples[index]); });
    if (sum.has_rate()) rates.push_back(sum.rate());
  }
  return percentile_interval(std::move(rates), options.confidence);
}

PairedDifference bootstrap_difference(std::span<const RateSample> first, std::span<const RateSample> second,
                                      const BootstrapOptions& options) {
  if (first.size() != second.size()) {
    fail_invalid_argument("paired difference of {} and {} utterances (expected the same ones)", first.size(),
                          second.size());
  }
  PairedDifference result;
  if (first.empty()) return result;
  const auto difference = [](const Sum& one, const Sum& other) -> std::optional<double> {
    if (!one.has_rate() || !other.has_rate()) return std::nullopt;
    return one.rate() - other.rate();
  };
  Sum all_first;
  Sum all_second;
  for (std::size_t index = 0; index < first.size(); ++index) {
    all_first.add(first[index]);
    all_second.add(second[index]);
  }
  result.difference = difference(all_first, all_second).value_or(0);
  std::mt19937_64 random(options.seed);
  std::vector<double> differences;
  double better = 0;
  for (int round = 0; round < options.resamples; ++round) {
    Sum one;
    Sum other;
    resample(random, first.size(), [&](std::size_t index) {
      one.add(first[index]);
      other.add(second[index]);
    });
    if (const auto drawn = difference(one, other)) {
      differences.push_back(*drawn);
      better += *drawn < 0 ? 1.0 : *drawn == 0 ? 0.5 : 0.0;
    }
  }
  if (!differences.empty()) result.first_better = better / static_cast<double>(differences.size());
  result.interval = percentile_interval(std::move(differences), options.confidence);
  return result;
}

}  // namespace glossa::eval
