#include "bench/fed_streams.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace glossa::bench {

std::string Setting::name() const {
  const std::string search = beam_size > 1 ? fmt::format(" beam {}", beam_size) : "";
  if (contexts.size() != 1) return "mixed" + search;
  return fmt::format("[{},{}]{}", contexts.front().left, contexts.front().right, search);
}

FedStream::FedStream(const Recognizer& recognizer, AttContext context, std::span<const float> sound,
                     std::size_t first, int beam_size)
    : stream_(recognizer.create_stream({.att_context = context, .beam_size = beam_size})),
      sound_(sound),
      at_(first % sound.size()),
      chunk_frames_(context.chunk_frames()),
      chunk_seconds_(chunk_frames_ * recognizer.info().frame_seconds) {
  chunk_samples_ = static_cast<std::size_t>(std::lround(chunk_seconds_ * recognizer.info().sample_rate));
}

void FedStream::accept(std::size_t samples) {
  while (samples > 0) {
    const std::size_t part = std::min(samples, sound_.size() - at_);
    stream_->accept_waveform(sound_.subspan(at_, part));
    at_ = (at_ + part) % sound_.size();
    samples -= part;
  }
}

void FedStream::accept_chunk() {
  if (started_) return accept(chunk_samples_);
  // The first chunk is shorter, by how much is the engine's affair.
  while (!stream_->is_ready()) accept(1);
  started_ = true;
}

std::vector<FedStream> warm_streams(const Recognizer& recognizer, const Setting& setting, int count,
                                    std::span<const float> sound) {
  std::vector<FedStream> streams;
  add_warm_streams(recognizer, setting, count, sound, streams);
  return streams;
}

void add_warm_streams(const Recognizer& recognizer, const Setting& setting, int count,
                      std::span<const float> sound, std::vector<FedStream>& streams) {
  const std::size_t before = streams.size();
  constexpr std::size_t kStep = 7919;  // samples between beginnings: a prime, so that few streams coincide
  for (int added = 0; added < count; ++added) {
    const std::size_t index = streams.size();
    streams.emplace_back(recognizer, setting.context_of(index), sound, index * kStep, setting.beam_size);
  }
  for (bool more = true; more;) {
    std::vector<Stream*> batch;
    for (std::size_t index = before; index < streams.size(); ++index) {
      FedStream& fed = streams[index];
      const AttContext context = setting.context_of(index);
      const double heard = fed.stream().transcript().duration;
      const double past = context.left / static_cast<double>(context.chunk_frames()) * fed.chunk_seconds();
      if (heard >= past + fed.chunk_seconds()) continue;
      fed.accept_chunk();
      batch.push_back(&fed.stream());
    }
    more = !batch.empty();
    if (more) recognizer.decode(batch);
  }
}

}  // namespace glossa::bench
