#include "bench/offline.h"

#include "bench/stop_watch.h"

namespace glossa::bench {

Offline measure_offline(const Recognizer& recognizer, AttContext context, int beam_size,
                        std::span<const float> sound, const Floor& floor) {
  const auto stream = recognizer.create_stream(
      {.att_context = context, .mode = StreamingMode::kOffline, .beam_size = beam_size});
  Offline result{.context = context};
  const StopWatch watch;
  stream->accept_waveform(sound);
  stream->input_finished();
  Stream* batch[] = {stream.get()};
  while (stream->is_ready()) recognizer.decode(batch);
  const auto tokens = static_cast<double>(stream->transcript().tokens.size());
  result.seconds = watch.seconds();
  result.sound_seconds = static_cast<double>(sound.size()) / recognizer.info().sample_rate;
  // As if all frames were one step: the weights need to be read once only.
  result.floor_seconds = floor.step_seconds(result.sound_seconds / recognizer.info().frame_seconds);
  result.tokens_per_second = tokens / result.sound_seconds;
  return result;
}

}  // namespace glossa::bench
