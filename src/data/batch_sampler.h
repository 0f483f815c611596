// Which cuts make up which batch: mixing, shuffling, filtering and bucketing by duration, on metadata alone.
// Deterministic: the same cuts, options and seed give the same batches, so that a run resumes by drawing and
// dropping the batches it has already seen. Source of the batch limit: n * max(d + d^2 / quadratic_duration)
// <= batch_duration and n <= batch_size (NeMo's Lhotse sampler).
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "data/cut.h"
#include "data/cut_sources.h"

namespace glossa::data {

struct JoinOptions {
  double share = 0;                        // of the cuts in batches; 0: none is joined
  int most = 3;                            // cuts in one
  std::array<double, 2> pause = {0.2, 4};  // seconds of silence before each, least and most
};

struct SamplerOptions {
  std::optional<int> batch_size;             // cuts at most
  std::optional<double> batch_duration;      // seconds at most, padded to the longest
  std::optional<double> quadratic_duration;  // seconds
  double min_duration = 0;                   // cuts outside [min, max] seconds are left out
  double max_duration = 1e9;
  bool shuffle = true;    // false: the order of the sources, streams one after the other
  bool bucketing = true;  // with shuffle only: cuts of similar length together
  int buckets = 30;
  std::vector<double> bucket_duration_bins;  // upper bounds; empty: equal numbers of cuts per bucket. With
                                             // `join` they should reach to its lengths
  int buffer_size = 10000;                   // cuts looked at together
  bool endless = true;                       // false: ends after one pass over every stream
  JoinOptions join;                          // within max_duration and what a batch can hold
  std::uint64_t seed = 0;
  int rank = 0;  // of `ranks`: batch k * ranks + rank is this process's k-th
  int ranks = 1;
};

struct PlannedCut {
  const Cut* cut = nullptr;
  std::uint64_t seed = 0;             // for augmentation: depends on the sampler's seed and the draw alone
  std::shared_ptr<const Cut> joined;  // owns `cut` when it was made of several; its parts are the sampler's
};
using BatchPlan = std::vector<PlannedCut>;

class BatchSampler {
 public:
  // Neither batch_size nor batch_duration, or no cut within the duration limits: Error kInvalidArgument that
  // says what the limits left out.
  BatchSampler(std::vector<WeightedCuts> streams, const SamplerOptions& options);
  ~BatchSampler();
  BatchSampler(BatchSampler&&) noexcept;
  BatchSampler& operator=(BatchSampler&&) noexcept;

  // Empty at the end of a sampler that is not endless.
  BatchPlan next();
  void skip(std::int64_t batches);  // draws and drops; what resuming does

  struct Totals {
    std::int64_t cuts = 0;  // that the limits let through
    double hours = 0;
    std::int64_t too_short = 0;  // left out
    std::int64_t too_long = 0;
    double hours_left_out = 0;
  };
  const Totals& totals() const;

  // Of so many batches, the one of most sound with its padding and the one of the longest cut, or one that is
  // both. Draws them and begins anew.
  std::vector<BatchPlan> largest_of(std::int64_t batches);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace glossa::data
