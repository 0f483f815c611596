// How long a step takes on this machine, measured: what admission and the sizes of steps are computed from.
#pragma once

#include <cstdint>

#include "glossa/recognizer.hpp"

namespace glossa::serve {

// A step of F encoder frames, of however many streams, takes fixed + per_frame * F seconds. Weights are read
// once a step (fixed), and everything else is arithmetic.
struct StepTime {
  double fixed = 0;      // seconds
  double per_frame = 0;  // seconds

  // The most frames that fit into `seconds`; 0 when not even one does.
  std::int64_t frames_within(double seconds) const;
};

// Times steps of 1 and of 32 streams of one chunk at `context`, some of each, on noise. Takes about a second.
StepTime measure_step_time(const Recognizer& recognizer, AttContext context);

// Part of the machine, 1 being all of it, that live streams need when `streams` of them, each sending encoder
// frames of `frame_seconds` as fast as they are spoken, are stepped every `step_seconds` (the shortest chunk
// among them).
double utilisation(const StepTime& time, int streams, double frame_seconds, double step_seconds);

}  // namespace glossa::serve
