#include "bench/chunk_latency.h"

#include <vector>

#include "bench/stop_watch.h"

namespace glossa::bench {

ChunkLatency measure_chunk_latency(const Recognizer& recognizer, const Setting& setting, int streams,
                                   double seconds, std::span<const float> sound, const Floor& floor,
                                   ReadProbe& probe) {
  std::vector<FedStream> fed = warm_streams(recognizer, setting, streams, sound);
  ChunkLatency result{.setting = setting, .streams = streams};
  std::vector<Stream*> batch;
  double sound_per_step = 0;
  double tokens_before = 0;
  for (FedStream& stream : fed) {
    batch.push_back(&stream.stream());
    result.frames += stream.chunk_frames();
    sound_per_step += stream.chunk_seconds();
    tokens_before += static_cast<double>(stream.tokens());
  }
  std::vector<double> steps;
  std::vector<double> reads;
  for (const StopWatch whole; whole.seconds() < seconds || steps.size() < kFewestSteps;) {
    const StopWatch step;
    for (FedStream& stream : fed) stream.accept_chunk();
    recognizer.decode(batch);
    for (const FedStream& stream : fed) stream.tokens();  // what a program shows: the transcript
    steps.push_back(step.seconds());
    constexpr std::size_t kStepsPerRead = 3;
    if (steps.size() % kStepsPerRead == 0) reads.push_back(probe.gb_per_s());
  }
  double tokens = -tokens_before;
  for (const FedStream& stream : fed) tokens += static_cast<double>(stream.tokens());
  result.chunk_seconds = sound_per_step / streams;
  result.seconds = summarize(steps);
  result.read_gb_per_s = percentile(reads, 90);
  result.floor_seconds = floor.step_seconds(result.frames, result.read_gb_per_s);
  result.tokens_per_second = tokens / (sound_per_step * static_cast<double>(steps.size()));
  return result;
}

}  // namespace glossa::bench
