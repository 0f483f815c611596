// The entries of an uncompressed zip that is held in memory, zip64 included.
//
//   archive = { local header, data } central-directory [zip64 end, zip64 locator] end
//
// Sizes come from the central directory: streaming writers leave them out of the local headers.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace glossa {

struct ZipEntry {
  std::string name;
  std::span<const std::byte> bytes;  // points into the archive
  std::uint32_t crc32 = 0;           // as stored; not checked by read_zip()
};

// In order of the central directory; directories are skipped. Error kBadInput, naming `source`, for a damaged
// archive, compressed or encrypted entries, entries that overlap and names that occur twice.
std::vector<ZipEntry> read_zip(std::span<const std::byte> archive, const std::string& source);

// Reads the entry's bytes; false when they are damaged.
bool crc_matches(const ZipEntry& entry);

}  // namespace glossa
