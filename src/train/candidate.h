// What of a run's past a model is that may be what the run gives.
#pragma once

#include <cstdint>

namespace glossa::train {

struct Candidate {
  std::int64_t step = 0;  // 0: the base
  int averaged = 1;       // the mean of so many of the best steps; 1: the step's own
  double base_share = 0;  // so much of the base is mixed in

  bool is_step() const { return averaged == 1 && base_share == 0; }
};

}  // namespace glossa::train
