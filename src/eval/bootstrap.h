// How sure a corpus error rate is: bootstrap over utterances (Bisani and Ney, 2004).
#pragma once

#include <cstdint>
#include <span>

namespace glossa::eval {

// What one utterance adds to a corpus rate, sum of errors / sum of units.
struct RateSample {
  double errors = 0;
  double units = 0;  // reference words or letters
};

struct Interval {
  double low = 0;
  double high = 0;
};

struct BootstrapOptions {
  int resamples = 1000;
  std::uint64_t seed = 20260801;  // the same samples and seed give the same interval on every machine
  double confidence = 0.95;
};

// Percentile interval of the corpus rate. Resamples without units have no rate and do not count; without any
// utterance, or none with units, the interval is 0 to 0.
Interval bootstrap_interval(std::span<const RateSample> samples, const BootstrapOptions& options = {});

struct PairedDifference {
  double difference = 0;  // rate of the first less rate of the second: below 0 the first is better
  Interval interval;
  double first_better = 0;  // share of the resamples in which the first has the lower rate; ties count half
  bool is_significant() const { return interval.low > 0 || interval.high < 0; }
};

// Both systems on the same utterances in the same order: every resample draws the same utterances for both.
// Error kInvalidArgument when the numbers of utterances differ.
PairedDifference bootstrap_difference(std::span<const RateSample> first, std::span<const RateSample> second,
                                      const BootstrapOptions& options = {});

}  // namespace glossa::eval
