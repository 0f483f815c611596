// The front of a wav file that arrives in pieces, as from `arecord` into a pipe: enough to take the sound as
// it comes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace glossa::cli {

struct WavHeader {
  enum class State {
    kNeedsMore,  // the data chunk has not begun yet
    kPcm,        // 16-bit integers or 32-bit floats follow
    kOther,      // not a wav file, or one of another encoding: for a real decoder
  };
  State state = State::kNeedsMore;
  bool is_float = false;
  int channels = 0;
  int rate = 0;                  // Hz
  std::size_t size = 0;          // bytes before the first sample
  std::uint64_t data_bytes = 0;  // of samples, as announced; 0: not known
};

WavHeader parse_wav_header(std::span<const std::byte> bytes);

}  // namespace glossa::cli
