// What a sound file says about itself, without decoding it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

namespace glossa::audio {

struct AudioInfo {
  int sample_rate = 0;  // Hz
  int channels = 0;
  std::int64_t frames = 0;
  std::string format;  // libsndfile's name of the container: "WAV (Microsoft)"

  double seconds() const { return sample_rate > 0 ? static_cast<double>(frames) / sample_rate : 0; }
};

// What ffmpeg is asked for of a file whose format libsndfile does not know.
inline constexpr int kUnknownRate = 16000;  // Hz

// None when libsndfile cannot open the file, or the file does not say how long it is.
std::optional<AudioInfo> read_audio_info(const std::filesystem::path& path);

}  // namespace glossa::audio
