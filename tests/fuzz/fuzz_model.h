// What requests to the server are read against, and what must be true of every request that was accepted.
#pragma once

#include <cmath>
#include <cstdlib>

#include "glossa/types.hpp"
#include "serve/scheduler.h"
#include "serve/sound_reader.h"

namespace fuzz {

inline const glossa::ModelInfo& model() {
  static const glossa::ModelInfo info = [] {
    glossa::ModelInfo made;
    made.name = "glossa-mini";
    made.sample_rate = 16000;
    made.frame_seconds = 0.08;
    made.att_contexts = {{56, 0}, {56, 1}, {56, 3}, {56, 6}, {56, 13}};
    return made;
  }();
  return info;
}

inline void check(const glossa::serve::SessionOptions& session, const glossa::serve::RawFormat& sound) {
  const bool hears = sound.rate >= 8000 && sound.rate <= 48000 && sound.channels >= 1 && sound.channels <= 8;
  const bool ends = std::isfinite(session.silence) && session.silence >= 0;
  if (!hears || !ends) std::abort();
  for (const glossa::BoostedPhrase& phrase : session.stream.boosted_phrases) {
    if (phrase.text.empty() || !std::isfinite(phrase.score)) std::abort();
  }
}

}  // namespace fuzz
