// A tar, or a gzip of one: an Error or a list of members that lie inside the archive.
#include <cstdint>
#include <cstdlib>

#include "base/gzip.h"
#include "base/tar_reader.h"
#include "glossa/error.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::span<const std::byte> bytes(reinterpret_cast<const std::byte*>(data), size);
  try {
    std::vector<std::byte> inflated;
    if (glossa::is_gzip(bytes)) {
      inflated = glossa::gunzip(bytes, "fuzz", {.bytes = 1 << 24});
      bytes = inflated;
    }
    for (const glossa::TarMember& member : glossa::read_tar(bytes, "fuzz")) {
      const bool inside = member.bytes.data() >= bytes.data() &&
                          member.bytes.data() + member.bytes.size() <= bytes.data() + bytes.size();
      if (!inside || member.name.empty() || member.name.front() == '/') std::abort();
    }
  } catch (const glossa::Error&) {
  }
  return 0;
}
