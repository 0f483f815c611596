// The endless (or not) sequence of cuts that batches are made of, and the numbers it is drawn by: a
// counter-based generator of its own, because std::distributions differ between standard libraries.
#pragma once

#include <cstdint>
#include <vector>

#include "data/batch_sampler.h"

namespace glossa::data {

// Numbers of different purposes are independent.
enum class Purpose : std::uint64_t { kStream = 1, kOrder = 2, kBucket = 3, kCut = 4, kJoin = 5 };

// The `counter`-th number of a seed and purpose: splitmix64 of all three.
std::uint64_t random_bits(std::uint64_t seed, Purpose purpose, std::uint64_t counter);
double random_unit(std::uint64_t seed, Purpose purpose, std::uint64_t counter);  // in [0, 1)
std::size_t random_below(std::uint64_t seed, Purpose purpose, std::uint64_t counter, std::size_t count);

struct DrawnStream {
  double weight = 0;
  std::vector<const Cut*> cuts;  // not empty
};

// With `shuffle`: a stream with probability proportional to its weight, of which every cut comes once before
// any comes again. Without: the cuts as they stand, stream after stream.
class Draws {
 public:
  Draws(std::vector<DrawnStream> streams, const SamplerOptions& options);

  PlannedCut next();  // without a cut at the end of what is not endless
  const std::vector<DrawnStream>& streams() const { return streams_; }

 private:
  struct Position {
    std::vector<std::uint32_t> order;  // with shuffle; made at the first draw of a pass
    std::size_t at = 0;
    std::uint64_t pass = 0;
    bool done = false;
  };

  const Cut* next_in_order();
  const Cut* next_shuffled();
  std::size_t choose_stream();
  void shuffle(std::size_t stream);

  std::vector<DrawnStream> streams_;
  std::vector<Position> positions_;
  std::vector<double> cumulative_;  // weights of streams that are not done
  std::size_t current_ = 0;         // without shuffle
  std::uint64_t drawn_ = 0;
  std::uint64_t seed_;
  bool shuffled_;
  bool endless_;
};

}  // namespace glossa::data
