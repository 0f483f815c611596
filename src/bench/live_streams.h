// How many streams this machine carries in real time.
#pragma once

#include <functional>
#include <optional>
#include <span>

#include "bench/fed_streams.h"
#include "bench/floor.h"
#include "bench/live_run.h"
#include "glossa/recognizer.hpp"

namespace glossa::bench {

struct LiveStreams {
  Setting setting;
  LiveRun
      run;  // of the largest number that holds, or of the number asked for; else the last that did not hold
  double chunk_seconds = 0;      // on average over the streams
  double ceiling = 0;            // streams that the machine's arithmetic would allow
  double tokens_per_second = 0;  // emitted per second of sound

  int streams_held() const { return run.holds() ? run.streams : 0; }
};

struct LiveOptions {
  double seconds = 60;                         // of the run that counts
  std::optional<int> streams;                  // none: search for the largest number that holds
  std::function<void(const LiveRun&)> on_run;  // after every run, those of the search included
};

LiveStreams measure_live_streams(const Recognizer& recognizer, const Setting& setting,
                                 const LiveOptions& options, std::span<const float> sound,
                                 const Floor& floor);

}  // namespace glossa::bench
