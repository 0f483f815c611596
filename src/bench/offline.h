// How fast one long recording is recognised.
#pragma once

#include <span>

#include "bench/floor.h"
#include "glossa/recognizer.hpp"

namespace glossa::bench {

struct Offline {
  AttContext context;
  double sound_seconds = 0;
  double seconds = 0;
  double floor_seconds = 0;
  double tokens_per_second = 0;  // emitted per second of sound

  double speed() const { return sound_seconds / seconds; }  // RTFx
  double floor_ratio() const { return seconds / floor_seconds; }
};

// The whole of `sound` in mode kOffline, features included.
Offline measure_offline(const Recognizer& recognizer, AttContext context, int beam_size,
                        std::span<const float> sound, const Floor& floor);

}  // namespace glossa::bench
