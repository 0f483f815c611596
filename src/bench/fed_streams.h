// Streams that are given sound chunk by chunk, as long as one likes.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "glossa/recognizer.hpp"

namespace glossa::bench {

// One latency setting; with several contexts, streams take them in turn.
struct Setting {
  std::vector<AttContext> contexts;
  int beam_size = 1;  // 1: greedy search

  AttContext context_of(std::size_t stream) const { return contexts[stream % contexts.size()]; }
  std::string name() const;  // "[56,3]", or "mixed", with " beam 4" behind it
};

class FedStream {
 public:
  // Repeats `sound`, beginning at sample `first`; the samples must outlive the stream.
  FedStream(const Recognizer& recognizer, AttContext context, std::span<const float> sound, std::size_t first,
            int beam_size = 1);

  // Gives the samples that make the next chunk whole, and not one more.
  void accept_chunk();

  Stream& stream() { return *stream_; }
  double chunk_seconds() const { return chunk_seconds_; }
  int chunk_frames() const { return chunk_frames_; }
  std::size_t tokens() const { return stream_->transcript().tokens.size(); }

 private:
  void accept(std::size_t samples);

  std::unique_ptr<Stream> stream_;
  std::span<const float> sound_;
  std::size_t at_;
  std::size_t chunk_samples_;
  int chunk_frames_;
  double chunk_seconds_;
  bool started_ = false;
};

// `count` streams of a setting in mode kExact, each beginning elsewhere in the sound, that have heard enough
// to attend to as much past as their context allows.
std::vector<FedStream> warm_streams(const Recognizer& recognizer, const Setting& setting, int count,
                                    std::span<const float> sound);

// More of them, behind those there are.
void add_warm_streams(const Recognizer& recognizer, const Setting& setting, int count,
                      std::span<const float> sound, std::vector<FedStream>& streams);

}  // namespace glossa::bench
