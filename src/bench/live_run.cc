#include "bench/live_run.h"

#include <algorithm>
#include <deque>
#include <vector>

namespace glossa::bench {
namespace {

// So far behind is lost: chunk lengths, and seconds.
constexpr double kLostChunks = 4;
constexpr double kLostSeconds = 1;

struct LiveStream {
  double chunk_seconds = 0;
  double next_due = 0;
  std::deque<double> waiting;  // when each accepted, not yet decoded chunk was due

  double age(double now) const { return waiting.empty() ? 0 : now - waiting.front(); }
};

}  // namespace

LiveRun run_live(LiveWork& work, LiveClock& clock, int streams, double seconds) {
  std::vector<LiveStream> live(static_cast<std::size_t>(streams));
  const double start = clock.now();
  double longest_chunk = 0;
  for (int index = 0; index < streams; ++index) {
    LiveStream& stream = live[static_cast<std::size_t>(index)];
    stream.chunk_seconds = work.chunk_seconds(index);
    stream.next_due = start + stream.chunk_seconds * (index + 0.5) / streams;
    longest_chunk = std::max(longest_chunk, stream.chunk_seconds);
  }
  const double measured_from = start + longest_chunk;
  const double end = measured_from + seconds;

  LiveRun run{.streams = streams};
  std::vector<double> latencies;
  std::vector<double> latencies_of_chunk;
  std::vector<int> ready;
  for (double now = start; now < end && !run.gave_up; now = clock.now()) {
    ready.clear();
    double next_due = end;
    for (int index = 0; index < streams; ++index) {
      LiveStream& stream = live[static_cast<std::size_t>(index)];
      for (; stream.next_due <= now; stream.next_due += stream.chunk_seconds) {
        work.accept_chunk(index);
        stream.waiting.push_back(stream.next_due);
      }
      next_due = std::min(next_due, stream.next_due);
      if (!stream.waiting.empty()) ready.push_back(index);
      const double age = stream.age(now);
      run.gave_up = run.gave_up || (age > kLostSeconds && age > kLostChunks * stream.chunk_seconds);
    }
    if (ready.empty()) {
      clock.sleep_until(next_due);
      continue;
    }
    work.decode(ready);
    const double done = clock.now();
    for (const int index : ready) {
      LiveStream& stream = live[static_cast<std::size_t>(index)];
      const double due = stream.waiting.front();
      stream.waiting.pop_front();
      if (due < measured_from) continue;
      latencies.push_back(done - due);
      latencies_of_chunk.push_back((done - due) / stream.chunk_seconds);
    }
  }
  const double now = clock.now();
  for (const LiveStream& stream : live)
    run.backlog_of_chunk = std::max(run.backlog_of_chunk, stream.age(now) / stream.chunk_seconds);
  run.seconds = std::max(0.0, now - measured_from);
  run.latency_seconds = summarize(latencies);
  run.p95_of_chunk = percentile(latencies_of_chunk, 95);
  return run;
}

}  // namespace glossa::bench
