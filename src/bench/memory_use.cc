#include "bench/memory_use.h"

#include <string>
#include <vector>

#include "bench/fed_streams.h"
#include "bench/synthetic_speech.h"

namespace glossa::bench {
namespace {

constexpr int kFurtherStreams = 8;

void put(ProbeValues& values, const std::string& when, const ProcessMemory& memory) {
  values[when + ".resident"] = memory.resident;
  values[when + ".anonymous"] = memory.anonymous;
  values[when + ".mapped_files"] = memory.mapped_files;
  values[when + ".proportional"] = memory.proportional;
}

ProcessMemory get(const ProbeValues& values, const std::string& when) {
  return {.resident = values.at(when + ".resident"),
          .anonymous = values.at(when + ".anonymous"),
          .mapped_files = values.at(when + ".mapped_files"),
          .proportional = values.at(when + ".proportional")};
}

}  // namespace

ProbeValues probe_memory(const RecognizerOptions& options, AttContext context) {
  ProbeValues values;
  const auto recognizer = Recognizer::load(options);
  put(values, "loaded", process_memory());
  constexpr double kSoundSeconds = 8;
  const std::vector<float> sound = synthetic_speech(kSoundSeconds, recognizer->info().sample_rate, 1);
  const Setting setting{{context}};
  std::vector<FedStream> streams = warm_streams(*recognizer, setting, 1, sound);
  put(values, "one_stream", process_memory());
  add_warm_streams(*recognizer, setting, kFurtherStreams, sound, streams);
  put(values, "all_streams", process_memory());
  values["further_streams"] = kFurtherStreams;
  return values;
}

MemoryUse memory_use(const ProbeValues& probe) {
  MemoryUse use{.loaded = get(probe, "loaded"), .one_stream = get(probe, "one_stream")};
  use.further_streams = static_cast<int>(probe.at("further_streams"));
  use.bytes_per_further_stream =
      (get(probe, "all_streams").resident - use.one_stream.resident) / use.further_streams;
  return use;
}

}  // namespace glossa::bench
