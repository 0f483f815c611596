// Sound from stdin: raw mono PCM as it arrives, or a whole sound file.
#pragma once

#include <cstddef>
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
  // `rate` Hz comes in, `wanted_rate` Hz goes out. Bytes that begin like a wav, flac or ogg file are read to
  // the end and decoded as one, whatever format and rate were announced.
  StdinAudio(PcmFormat format, int rate, int wanted_rate);

  // Waits for more sound; none at the end. The vector may be empty: too little came for a sample. Error
  // kBadInput when stdin cannot be read or is a broken sound file.
  std::optional<std::vector<float>> next();

 private:
  // Appends what comes to pending_; false at the end.
  bool read_more();

  PcmFormat format_;
  int wanted_rate_;
  audio::Resampler resampler_;
  std::vector<std::byte> pending_;  // bytes of an unfinished sample
  bool started_ = false;
  bool finished_ = false;
};

}  // namespace glossa::cli
