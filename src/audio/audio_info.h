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

// None when libsndfile cannot open the file, or the file does not say how long it is.
std::optional<AudioInfo> read_audio_info(const std::filesystem::path& path);

}  // namespace glossa::audio
