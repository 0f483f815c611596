// How long one step takes when the sound is there: from accept_waveform() to the transcript.
#pragma once

#include <span>

#include "bench/fed_streams.h"
#include "bench/floor.h"
#include "bench/statistics.h"
#include "glossa/recognizer.hpp"

namespace glossa::bench {

struct ChunkLatency {
  Setting setting;
  int streams = 0;
  double frames = 0;             // encoder frames of one step, all streams together
  double chunk_seconds = 0;      // of sound per stream and step, on average
  Summary seconds;               // of a step
  double read_gb_per_s = 0;      // of the machine between the steps: what a tenth of the readings reach
  double floor_seconds = 0;      // at that bandwidth
  double tokens_per_second = 0;  // emitted per second of sound

  // Of the fastest tenth, as the floor: on a shared machine the median step and the median reading need not
  // have met the same neighbours.
  double floor_ratio() const { return seconds.p10 / floor_seconds; }
  double real_time_factor() const { return seconds.p50 / chunk_seconds; }
};

// Steps all streams together, one chunk each, for about `seconds` (at least kFewestSteps steps).
ChunkLatency measure_chunk_latency(const Recognizer& recognizer, const Setting& setting, int streams,
                                   double seconds, std::span<const float> sound, const Floor& floor,
                                   ReadProbe& probe);

inline constexpr std::size_t kFewestSteps = 20;

}  // namespace glossa::bench
