#include "audio/sndfile_handle.h"

#include "audio/ogg_check.h"

namespace glossa::audio {
namespace {

// `open` is not called when `why` says already what is wrong.
template <class Open>
Sndfile open_unless(std::string& why, const Open& open) {
  if (!why.empty()) return nullptr;
  Sndfile file(open());
  if (!file) why = sf_strerror(nullptr);
  return file;
}

}  // namespace

Sndfile open_sndfile(const std::filesystem::path& path, SF_INFO& info, std::string& why) {
  why = vorbis_fault(path);
  return open_unless(why, [&] { return sf_open(path.c_str(), SFM_READ, &info); });
}

Sndfile open_sndfile(std::span<const std::byte> bytes, SF_VIRTUAL_IO& io, void* user, SF_INFO& info,
                     std::string& why) {
  why = vorbis_fault(bytes);
  return open_unless(why, [&] { return sf_open_virtual(&io, SFM_READ, &info, user); });
}

}  // namespace glossa::audio
