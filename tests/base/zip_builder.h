// Zip archives for tests, byte by byte, so that they can be wrong on purpose.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "support/little_endian.h"

namespace glossa::testing {

struct ZipMember {
  std::string name;
  std::string data;
  std::uint32_t crc32 = 0;
  std::uint64_t method = 0;
  std::uint64_t flags = 0x0808;    // as torch writes: no sizes in the local header
  bool zip64 = false;              // sizes and offset in the zip64 field
  std::uint64_t extra_size = 0;    // added to both sizes of the central directory
  std::uint64_t extra_offset = 0;  // added to the offset
  std::string local_name;          // instead of name, when not empty
};

struct ZipLayout {
  bool zip64_end = false;           // values only in the zip64 end record
  std::uint64_t extra_entries = 0;  // added to the number of entries
  std::uint64_t extra_directory_offset = 0;
  std::string comment;
};

inline std::string build_zip(const std::vector<ZipMember>& members, const ZipLayout& layout = {}) {
  std::string out;
  std::string directory;
  for (const ZipMember& member : members) {
    const std::uint64_t offset = out.size() + member.extra_offset;
    const std::string& local = member.local_name.empty() ? member.name : member.local_name;
    out += "PK\x03\x04" + little_endian(20, 2) + little_endian(member.flags, 2) +
           little_endian(member.method, 2) + little_endian(0, 16) + little_endian(local.size(), 2) +
           little_endian(6, 2) + local + "FB" + little_endian(2, 2) + "ZZ" + member.data;
    const std::uint64_t size = member.data.size() + member.extra_size;
    const std::string values = little_endian(size, 8) + little_endian(size, 8) + little_endian(offset, 8);
    const std::string extra = member.zip64
                                  ? little_endian(0x4242, 2) + little_endian(1, 2) + "x" +
                                        little_endian(1, 2) + little_endian(values.size(), 2) + values
                                  : "";
    directory += "PK\x01\x02" + little_endian(0, 4) + little_endian(member.flags, 2) +
                 little_endian(member.method, 2) + little_endian(0, 4) + little_endian(member.crc32, 4) +
                 little_endian(member.zip64 ? 0xffffffff : size, 4) +
                 little_endian(member.zip64 ? 0xffffffff : size, 4) + little_endian(member.name.size(), 2) +
                 little_endian(extra.size(), 2) + little_endian(0, 10) +
                 little_endian(member.zip64 ? 0xffffffff : offset, 4) + member.name + extra;
  }
  const std::uint64_t at = out.size() + layout.extra_directory_offset;
  const std::uint64_t entries = members.size() + layout.extra_entries;
  out += directory;
  if (layout.zip64_end) {
    const std::uint64_t end64 = out.size();
    out += "PK\x06\x06" + little_endian(44, 8) + little_endian(0, 12) + little_endian(entries, 8) +
           little_endian(entries, 8) + little_endian(directory.size(), 8) + little_endian(at, 8);
    out += "PK\x06\x07" + little_endian(0, 4) + little_endian(end64, 8) + little_endian(1, 4);
  }
  const bool in64 = layout.zip64_end;
  out += "PK\x05\x06" + little_endian(0, 4) + little_endian(in64 ? 0xffff : entries, 2) +
         little_endian(in64 ? 0xffff : entries, 2) + little_endian(in64 ? 0xffffffff : directory.size(), 4) +
         little_endian(in64 ? 0xffffffff : at, 4) + little_endian(layout.comment.size(), 2) + layout.comment;
  return out;
}

}  // namespace glossa::testing
