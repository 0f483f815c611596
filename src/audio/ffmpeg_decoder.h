// Formats that libsndfile does not know, through the ffmpeg program. No shell is involved.
#pragma once

#include <filesystem>
#include <optional>

#include "audio/audio_file.h"

namespace glossa::audio {

// The first sound track of the file. None when the ffmpeg program is not installed. Error kBadInput with
// ffmpeg's own words when it cannot read the file.
std::optional<AudioFile> read_with_ffmpeg(const std::filesystem::path& path, int sample_rate);

}  // namespace glossa::audio
