#include "bench/stage_profile.h"

#include <algorithm>
#include <vector>

namespace glossa::bench {

StageProfile measure_stages(const Recognizer& recognizer, const Setting& setting, int streams, double seconds,
                            std::span<const float> sound) {
  std::vector<FedStream> fed = warm_streams(recognizer, setting, streams, sound);
  StageProfile result{.setting = setting, .streams = streams};
  std::vector<Stream*> batch;
  for (FedStream& stream : fed) batch.push_back(&stream.stream());
  while (result.steps == 0 || result.profile.seconds < seconds) {
    for (FedStream& stream : fed) stream.accept_chunk();
    engine::decode_with_profile(recognizer, batch, result.profile);
    ++result.steps;
  }
  const int threads = std::max(1, recognizer.info().threads);
  const double busy =
      result.profile.seconds + result.profile.worker_busy_seconds;  // the caller's thread, too
  result.idle_share = std::max(0.0, 1 - busy / (threads * result.profile.seconds));
  return result;
}

}  // namespace glossa::bench
