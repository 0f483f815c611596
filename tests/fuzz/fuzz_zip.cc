// A zip: an Error or a list of entries that lie inside the archive.
#include <cstdint>
#include <cstdlib>

#include "base/zip_reader.h"
#include "glossa/error.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::span<const std::byte> bytes(reinterpret_cast<const std::byte*>(data), size);
  try {
    std::size_t total = 0;
    for (const glossa::ZipEntry& entry : glossa::read_zip(bytes, "fuzz")) {
      glossa::crc_matches(entry);  // reads every byte
      total += entry.bytes.size();
    }
    if (total > size) std::abort();  // entries must not overlap
  } catch (const glossa::Error&) {
  }
  return 0;
}
