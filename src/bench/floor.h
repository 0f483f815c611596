// The least time that a step can take on this machine.
#pragma once

#include "bench/machine.h"
#include "engine/stage_clock.h"
#include "glossa/types.hpp"

namespace glossa::bench {

class Floor {
 public:
  Floor(const MachineCeiling& machine, const engine::StepCost& cost, WeightFormat weights);

  // Of one step over that many encoder frames, all streams together: every weight is read once, every frame
  // multiplied with every weight, and the slower of the two decides.
  double step_seconds(double frames) const;

  // The same where the machine reads that much.
  double step_seconds(double frames, double read_gb_per_s) const;

  // The streams that the machine could carry with chunks of that length.
  double streams(double chunk_seconds, double frame_seconds) const;

 private:
  double weight_bytes_ = 0;
  double read_seconds_ = 0;
  double seconds_per_frame_ = 0;
};

}  // namespace glossa::bench
