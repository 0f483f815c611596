// A tar, or a gzip of one: an Error or a list of members that lie inside the archive.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "base/gzip.h"
#include "base/tar_reader.h"
#include "glossa/error.hpp"

namespace {

// A fuzzer cannot guess checksums: every block that looks like a header gets the right one.
std::vector<std::byte> with_checksums(std::span<const std::byte> archive) {
  std::vector<std::byte> repaired(archive.begin(), archive.end());
  for (std::size_t at = 0; at + 512 <= repaired.size(); at += 512) {
    std::byte* block = repaired.data() + at;
    if (std::memcmp(block + 257, "ustar", 5) != 0) continue;
    std::memset(block + 148, ' ', 8);
    unsigned sum = 0;
    for (std::size_t byte = 0; byte < 512; ++byte) sum += static_cast<unsigned>(block[byte]);
    char digits[8];
    std::snprintf(digits, sizeof(digits), "%06o", sum);
    std::memcpy(block + 148, digits, 7);
  }
  return repaired;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::span<const std::byte> bytes(reinterpret_cast<const std::byte*>(data), size);
  try {
    std::vector<std::byte> inflated;
    if (glossa::is_gzip(bytes)) {
      inflated = glossa::gunzip(bytes, "fuzz", {.bytes = 1 << 24});
      bytes = inflated;
    }
    const std::vector<std::byte> repaired = with_checksums(bytes);
    bytes = repaired;
    for (const glossa::TarMember& member : glossa::read_tar(bytes, "fuzz")) {
      const bool inside = member.bytes.data() >= bytes.data() &&
                          member.bytes.data() + member.bytes.size() <= bytes.data() + bytes.size();
      if (!inside || member.name.empty() || member.name.front() == '/') std::abort();
    }
  } catch (const glossa::Error&) {
  }
  return 0;
}
