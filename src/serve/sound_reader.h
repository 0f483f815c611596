// Bytes as clients send them, to samples.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "audio/resampler.h"

namespace glossa::serve {

enum class SampleFormat { kUnsigned8, kSigned16, kSigned24, kSigned32, kFloat32, kMulaw, kAlaw };

std::size_t sample_size(SampleFormat format);  // bytes

// Little-endian, channels interleaved.
struct RawFormat {
  SampleFormat samples = SampleFormat::kSigned16;
  int rate = 0;  // Hz
  int channels = 1;
};

// A stream of samples, cut anywhere, frames included. When it begins with the header of a WAV file, samples
// are as that says, and what follows them in the file is left out. The samples do not depend on how the bytes
// were cut. One thread at a time.
class SampleReader {
 public:
  // `separate`: every channel by itself, else the mean of them. `wanted_rate`: Hz of what comes out.
  SampleReader(const RawFormat& format, bool separate, int wanted_rate);

  // Samples of each sound that comes out: format.channels of them when separate, else one; or none at all
  // while the beginning is unclear. Error kBadInput for a WAV file that cannot be read and for any other
  // sound file, kInvalidArgument when a WAV file has other channels than were asked for separately; what was
  // pushed is gone then.
  std::vector<std::vector<float>> push(std::string_view bytes);

  // What the filters still hold; the samples that follow are as after silence. A cut frame waits for its
  // rest.
  std::vector<std::vector<float>> flush();

  // The same at the end; no push() after it. A cut last frame is ignored.
  std::vector<std::vector<float>> finish();

 private:
  bool read_header();  // true when there are samples to read
  void begin(const RawFormat& format);
  std::vector<std::vector<float>> read_samples();  // whole frames of buffer_

  RawFormat format_;
  bool separate_;
  int wanted_rate_;
  std::vector<audio::Resampler> resamplers_;  // one per sound; none before the format is known
  std::string buffer_;                        // a header that is not complete, or less than a frame
  std::uint64_t left_;                        // bytes of samples that the WAV file has still
};

// What a SampleReader makes of all of them: at least one sound.
std::vector<std::vector<float>> read_samples(std::string_view bytes, const RawFormat& format, bool separate,
                                             int wanted_rate);

// True when `bytes` are a sound file, by their beginning: WAV, FLAC, Ogg or MP3 with a tag.
bool is_sound_file(std::string_view bytes);
bool is_wav_file(std::string_view bytes);

// An MPEG audio frame without any tag before it: also two samples that may happen to be there.
bool looks_like_mp3(std::string_view bytes);

}  // namespace glossa::serve
