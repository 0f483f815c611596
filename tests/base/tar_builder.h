// Tar archives for tests, byte by byte, so that they can be wrong on purpose.
#pragma once

#include <cstddef>
#include <cstdio>
#include <span>
#include <string>
#include <string_view>

namespace glossa::testing {

struct TarField {
  std::size_t offset = 0;
  std::string bytes;
};

class TarBuilder {
 public:
  // A member with an ustar header; `patch` overwrites a header field before the checksum is computed.
  TarBuilder& member(std::string_view name, std::string_view data, char type = '0',
                     const TarField& patch = {}) {
    std::string header(512, '\0');
    header.replace(0, name.size(), name);
    header.replace(100, 7, "0000644");
    char size[13];
    std::snprintf(size, sizeof(size), "%011zo", data.size());
    header.replace(124, 11, size);
    header[156] = type;
    header.replace(257, 8,
                   std::string("ustar\0"
                               "00",
                               8));
    header.replace(patch.offset, patch.bytes.size(), patch.bytes);
    header.replace(148, 8, "        ");
    unsigned sum = 0;
    for (const char c : header) sum += static_cast<unsigned char>(c);
    char checksum[8];
    std::snprintf(checksum, sizeof(checksum), "%06o", sum);
    header.replace(148, 7, std::string(checksum, 7));
    archive_ += header;
    archive_ += data;
    archive_.resize((archive_.size() + 511) / 512 * 512, '\0');
    return *this;
  }

  TarBuilder& pax(std::string_view records, char type = 'x') {
    return member("././@PaxHeader", records, type);
  }

  // With the two zero blocks that end an archive.
  std::string finish() const { return archive_ + std::string(1024, '\0'); }
  std::string unfinished() const { return archive_; }

 private:
  std::string archive_;
};

inline std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

inline std::string text_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace glossa::testing
