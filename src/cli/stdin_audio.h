// Raw mono PCM from stdin, as it arrives.
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
  // `rate` Hz comes in, `wanted_rate` Hz goes out.
  StdinAudio(PcmFormat format, int rate, int wanted_rate);

  // Waits for more sound; none at the end. The vector may be empty: too little came for a sample.
  std::optional<std::vector<float>> next();

 private:
  PcmFormat format_;
  audio::Resampler resampler_;
  std::vector<std::byte> pending_;  // bytes of an unfinished sample
  bool finished_ = false;
};

}  // namespace glossa::cli
