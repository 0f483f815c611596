// Formats that libsndfile does not know, through the ffmpeg program. No shell is involved.
#pragma once

#include <filesystem>
#include <optional>

#include "audio/audio_file.h"
#include "audio/sound_collector.h"

namespace glossa::audio {

// The first sound track of the file, of its beginning alone with `most_seconds`. Containers of sound alone
// are opened: play lists name other files, and what they name is not this file's sender's to hear. None when
// the ffmpeg program is not installed. Error kBadInput with ffmpeg's own words when it cannot read the file,
// or gives nothing for two minutes.
std::optional<AudioChannels> read_with_ffmpeg(const std::filesystem::path& path, int sample_rate,
                                              ChannelUse use,
                                              std::optional<double> most_seconds = std::nullopt);

}  // namespace glossa::audio
