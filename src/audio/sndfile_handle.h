// libsndfile's handle of an open file.
#pragma once

#include <sndfile.h>

#include <cstddef>
#include <filesystem>
#include <memory>
#include <span>
#include <string>

namespace glossa::audio {

struct SndfileCloser {
  void operator()(SNDFILE* file) const { sf_close(file); }
};
using Sndfile = std::unique_ptr<SNDFILE, SndfileCloser>;

// For reading. Null when libsndfile does not know the format, or vorbis_fault() keeps the file from it; `why`
// is the reason.
Sndfile open_sndfile(const std::filesystem::path& path, SF_INFO& info, std::string& why);
// The same through `io`, whose functions get `user`. `bytes`: what they give.
Sndfile open_sndfile(std::span<const std::byte> bytes, SF_VIRTUAL_IO& io, void* user, SF_INFO& info,
                     std::string& why);

}  // namespace glossa::audio
