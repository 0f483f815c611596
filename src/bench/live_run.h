// Streams whose sound arrives in real time, and one loop that decodes whatever is ready in one batch.
#pragma once

#include <cstdint>
#include <span>

#include "bench/statistics.h"

namespace glossa::bench {

// What is measured. Tests bring their own.
class LiveWork {
 public:
  virtual ~LiveWork() = default;
  virtual double chunk_seconds(int stream) const = 0;
  virtual void accept_chunk(int stream) = 0;              // the sound of the stream's next chunk has arrived
  virtual void decode(std::span<const int> streams) = 0;  // one chunk of each
};

class LiveClock {
 public:
  virtual ~LiveClock() = default;
  virtual double now() const = 0;  // seconds
  virtual void sleep_until(double time) = 0;
};

struct LiveRun {
  int streams = 0;
  double seconds = 0;           // measured
  Summary latency_seconds;      // from the moment that a chunk's last sample is due to the end of its decode
  double p95_of_chunk = 0;      // the 95th percentile of latency / chunk length
  double backlog_of_chunk = 0;  // age of the oldest chunk not decoded at the end / its length
  bool gave_up = false;         // ended early: far behind

  // In time for 95 chunks of 100, and not falling behind.
  bool holds() const { return !gave_up && p95_of_chunk < 1 && backlog_of_chunk < 1; }
};

// Runs `streams` streams, their arrivals spread evenly over a chunk, until chunks have been measured for
// `seconds`; those due in the first chunk length before that are not. Chunks that wait when it ends are left
// to the caller.
LiveRun run_live(LiveWork& work, LiveClock& clock, int streams, double seconds);

}  // namespace glossa::bench
