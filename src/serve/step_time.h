// How long a step takes on this machine, measured at start and corrected by what is observed since: what
// admission and the sizes of steps are computed from.
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

// Times steps of 1 and of 32 streams of one chunk, made with `options`, which must have an att_context, some
// of each, on noise, features and transcripts included. Takes about a second.
StepTime measure_step_time(const Recognizer& recognizer, const StreamOptions& options);

// The most live streams that need no more than `part` of the machine, 1 being all of it, when each of them
// sends encoder frames of `frame_seconds` as fast as they are spoken and all are stepped every `step_seconds`
// (the shortest chunk among them).
int most_streams(const StepTime& time, double frame_seconds, double step_seconds, double part);

// How much longer steps take than was measured at start: people's words, telling clients, connections, and
// whatever else the machine does. Not thread-safe.
class StepTimeCorrection {
 public:
  // One step, in seconds.
  void observe(double expected, double taken);

  // 1 until something was observed; the mean over the last second of work.
  double factor() const { return taken_ / expected_; }

  // The largest factor of late, forgotten by and by: who is admitted in a good second is there in the bad
  // ones.
  double worst() const { return worst_; }

 private:
  static constexpr double kMemory = 1;        // seconds of work
  static constexpr double kWorstMemory = 10;  // seconds of work
  static constexpr double kLeastSeen = 0.1;   // seconds of work; the measurement at start counts as so much

  double expected_ = kLeastSeen;
  double taken_ = kLeastSeen;
  double worst_ = 1;
};

}  // namespace glossa::serve
