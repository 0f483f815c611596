// Sound from stdin: raw mono PCM or wav as it arrives, or a whole sound file.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "audio/resampler.h"

namespace glossa::cli {

enum class PcmFormat { kS16Le, kF32Le };

// s16le or f32le; Error kInvalidArgument for anything else.
PcmFormat parse_pcm_format(std::string_view name);

class StdinAudio {
 public:
  // `rate` Hz comes in, `wanted_rate` Hz goes out. A wav file of 16-bit integers or 32-bit floats is taken as
  // it comes, with its own rate and channels. Other bytes that begin like a sound file are read to the end
  // and decoded as one.
  StdinAudio(PcmFormat format, int rate, int wanted_rate);

  // Waits for more sound; none at the end. The vector may be empty: too little came for a sample. Error
  // kBadInput when stdin cannot be read or is a broken sound file.
  std::optional<std::vector<float>> next();

  // By SIGINT or SIGTERM, the first of which ends the sound.
  bool was_interrupted() const;

  // At the end: Error kBadInput when less came than a wav file's header has promised, and nobody interrupted.
  void check_whole() const;

 private:
  // Appends what comes to pending_; false at the end, which an interrupt is, too.
  bool read_more();
  // Looks at the first bytes. True when pending_ is a whole sound file.
  bool begin(bool& open);
  bool begins_with_frames(bool& open);  // of mp3 or aac, without a tag

  PcmFormat format_;
  int channels_ = 1;
  std::uint64_t bytes_left_ = std::numeric_limits<std::uint64_t>::max();  // of samples
  std::uint64_t promised_bytes_ = 0;  // of samples, by a wav header; 0: no promise
  int wanted_rate_;
  audio::Resampler resampler_;
  std::vector<std::byte> pending_;  // bytes of an unfinished sample
  bool started_ = false;
  bool finished_ = false;
};

}  // namespace glossa::cli
