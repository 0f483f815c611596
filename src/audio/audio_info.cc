#include "audio/audio_info.h"

#include <string>

#include "audio/sndfile_handle.h"

namespace glossa::audio {

std::optional<AudioInfo> read_audio_info(const std::filesystem::path& path) {
  SF_INFO info{};
  std::string why;
  if (!open_sndfile(path, info, why)) return std::nullopt;
  if (info.samplerate < 1 || info.channels < 1 || info.frames < 0 || info.frames == SF_COUNT_MAX) {
    return std::nullopt;
  }
  SF_FORMAT_INFO format{};
  format.format = info.format & SF_FORMAT_TYPEMASK;
  const bool named = sf_command(nullptr, SFC_GET_FORMAT_INFO, &format, sizeof(format)) == 0;
  return AudioInfo{info.samplerate, info.channels, info.frames,
                   named && format.name != nullptr ? format.name : ""};
}

}  // namespace glossa::audio
