#include "base/zip_reader.h"

#include <zlib.h>

#include <algorithm>
#include <optional>
#include <string_view>
#include <unordered_set>

#include "base/fail.h"
#include "base/printable.h"

namespace glossa {
namespace {

constexpr std::uint32_t kLocalSignature = 0x04034b50;
constexpr std::uint32_t kCentralSignature = 0x02014b50;
constexpr std::uint32_t kEndSignature = 0x06054b50;
constexpr std::uint32_t kEnd64Signature = 0x06064b50;
constexpr std::uint32_t kLocator64Signature = 0x07064b50;
constexpr std::size_t kLocalSize = 30;
constexpr std::size_t kCentralSize = 46;
constexpr std::size_t kEndSize = 22;
constexpr std::size_t kEnd64Size = 56;
constexpr std::size_t kLocator64Size = 20;
constexpr std::uint32_t kIn64 = 0xffffffff;  // the value is in the zip64 extra field

// Little-endian numbers.
std::uint64_t number(std::span<const std::byte> bytes, std::size_t at, std::size_t size) {
  std::uint64_t value = 0;
  for (std::size_t index = size; index-- > 0;)
    value = value << 8 | static_cast<std::uint64_t>(bytes[at + index]);
  return value;
}
std::uint64_t u16(std::span<const std::byte> bytes, std::size_t at) { return number(bytes, at, 2); }
std::uint32_t u32(std::span<const std::byte> bytes, std::size_t at) {
  return static_cast<std::uint32_t>(number(bytes, at, 4));
}
std::uint64_t u64(std::span<const std::byte> bytes, std::size_t at) { return number(bytes, at, 8); }

struct Directory {
  std::uint64_t entries = 0;
  std::uint64_t offset = 0;
  std::uint64_t size = 0;
};

struct Range {
  std::uint64_t begin = 0;  // of the local header
  std::uint64_t end = 0;
  std::size_t entry = 0;
};

class ZipReader {
 public:
  ZipReader(std::span<const std::byte> archive, const std::string& source)
      : archive_(archive), source_(source) {}

  std::vector<ZipEntry> read() {
    directory_ = find_directory();
    auto records = archive_.subspan(directory_.offset, directory_.size);
    for (std::uint64_t index = 0; index < directory_.entries; ++index) read_record(records, index);
    check_overlaps();
    return std::move(entries_);
  }

 private:
  Directory find_directory() const {
    const std::size_t end_at = find_end();
    const auto end = archive_.subspan(end_at, kEndSize);
    Directory directory{u16(end, 10), u32(end, 16), u32(end, 12)};
    std::uint64_t limit = end_at;
    const bool has_locator =
        end_at >= kLocator64Size && u32(archive_, end_at - kLocator64Size) == kLocator64Signature;
    if (has_locator) {
      limit = u64(archive_, end_at - kLocator64Size + 8);
      if (limit > end_at - kLocator64Size || end_at - kLocator64Size - limit < kEnd64Size ||
          u32(archive_, limit) != kEnd64Signature) {
        fail_bad_input("{}: damaged zip: the zip64 end record is not at byte {}", source_, limit);
      }
      const auto end64 = archive_.subspan(limit, kEnd64Size);
      directory = {u64(end64, 32), u64(end64, 48), u64(end64, 40)};
    }
    if (directory.offset > limit || directory.size > limit - directory.offset) {
      fail_bad_input(
          "{}: damaged zip: the central directory ({} bytes at byte {}) does not fit before byte {}", source_,
          directory.size, directory.offset, limit);
    }
    if (directory.entries > directory.size / kCentralSize) {
      fail_bad_input("{}: damaged zip: {} entries do not fit into a central directory of {} bytes", source_,
                     directory.entries, directory.size);
    }
    return directory;
  }

  // The end record is the last thing of the file but for a comment of at most 65535 bytes.
  std::size_t find_end() const {
    constexpr std::size_t kLongestComment = 65535;
    if (archive_.size() >= kEndSize) {
      const std::size_t last = archive_.size() - kEndSize;
      const std::size_t first = last > kLongestComment ? last - kLongestComment : 0;
      for (std::size_t at = last + 1; at-- > first;) {
        if (u32(archive_, at) == kEndSignature && u16(archive_, at + 20) == last - at) return at;
      }
    }
    fail_bad_input("{}: not a zip archive, or truncated: no end-of-directory record in {} bytes", source_,
                   archive_.size());
  }

  void read_record(std::span<const std::byte>& records, std::uint64_t index) {
    if (records.size() < kCentralSize || u32(records, 0) != kCentralSignature) {
      fail_bad_input("{}: damaged zip: record {} of the central directory is malformed", source_, index);
    }
    const std::uint64_t name_size = u16(records, 28);
    const std::uint64_t extra_size = u16(records, 30);
    const std::uint64_t record_size = kCentralSize + name_size + extra_size + u16(records, 32);
    if (record_size > records.size()) {
      fail_bad_input("{}: damaged zip: record {} of the central directory is truncated", source_, index);
    }
    const auto record = records.subspan(0, record_size);
    records = records.subspan(record_size);

    ZipEntry entry;
    entry.name.assign(reinterpret_cast<const char*>(record.data()) + kCentralSize, name_size);
    entry.crc32 = u32(record, 16);
    std::uint64_t size = u32(record, 24);
    std::uint64_t stored_size = u32(record, 20);
    std::uint64_t offset = u32(record, 42);
    read_zip64_extra(record.subspan(kCentralSize + name_size, extra_size), entry.name, size, stored_size,
                     offset);
    if ((u16(record, 8) & 1) != 0)
      fail_bad_input("{}: zip entry '{}' is encrypted", source_, printable(entry.name));
    if (u16(record, 10) != 0) {
      fail_bad_input(
          "{}: zip entry '{}' is compressed (method {}; expected stored entries, as torch.save writes them)",
          source_, printable(entry.name), u16(record, 10));
    }
    if (size != stored_size) {
      fail_bad_input("{}: zip entry '{}': sizes {} and {} differ although it is not compressed", source_,
                     printable(entry.name), size, stored_size);
    }
    add_entry(std::move(entry), offset, size);
  }

  // Holds, in this order, those of the three values that did not fit into 32 bits.
  void read_zip64_extra(std::span<const std::byte> extra, const std::string& name, std::uint64_t& size,
                        std::uint64_t& stored_size, std::uint64_t& offset) const {
    if (size != kIn64 && stored_size != kIn64 && offset != kIn64) return;
    while (extra.size() >= 4) {
      const std::uint64_t id = u16(extra, 0);
      const std::uint64_t length = u16(extra, 2);
      if (length > extra.size() - 4) break;
      if (id == 1) {
        auto values = extra.subspan(4, length);
        for (std::uint64_t* value : {&size, &stored_size, &offset}) {
          if (*value != kIn64) continue;
          if (values.size() < 8)
            fail_bad_input("{}: zip entry '{}': truncated zip64 field", source_, printable(name));
          *value = u64(values, 0);
          values = values.subspan(8);
        }
        return;
      }
      extra = extra.subspan(4 + length);
    }
    fail_bad_input("{}: zip entry '{}': sizes beyond 32 bits but no zip64 field", source_, printable(name));
  }

  void add_entry(ZipEntry entry, std::uint64_t offset, std::uint64_t size) {
    if (offset > directory_.offset || directory_.offset - offset < kLocalSize ||
        u32(archive_, offset) != kLocalSignature) {
      fail_bad_input("{}: damaged zip: entry '{}' has no local header at byte {}", source_,
                     printable(entry.name), offset);
    }
    const std::uint64_t name_size = u16(archive_, offset + 26);
    const std::uint64_t data = offset + kLocalSize + name_size + u16(archive_, offset + 28);
    if (data > directory_.offset || size > directory_.offset - data) {
      fail_bad_input("{}: damaged zip: entry '{}' ({} bytes at byte {}) does not fit before byte {}", source_,
                     printable(entry.name), size, data, directory_.offset);
    }
    const std::string_view local_name(reinterpret_cast<const char*>(archive_.data()) + offset + kLocalSize,
                                      name_size);
    if (local_name != entry.name) {
      fail_bad_input("{}: damaged zip: entry '{}' is named '{}' in its local header", source_,
                     printable(entry.name), printable(local_name));
    }
    if (!names_.insert(entry.name).second)
      fail_bad_input("{}: zip entry '{}' occurs twice", source_, printable(entry.name));
    if (entry.name.ends_with('/') && size == 0) return;
    ranges_.push_back({offset, data + size, entries_.size()});
    entry.bytes = archive_.subspan(data, size);
    entries_.push_back(std::move(entry));
  }

  void check_overlaps() {
    std::sort(ranges_.begin(), ranges_.end(),
              [](const Range& a, const Range& b) { return a.begin < b.begin; });
    for (std::size_t index = 1; index < ranges_.size(); ++index) {
      if (ranges_[index].begin < ranges_[index - 1].end) {
        fail_bad_input("{}: damaged zip: entries '{}' and '{}' overlap", source_,
                       printable(entries_[ranges_[index - 1].entry].name),
                       printable(entries_[ranges_[index].entry].name));
      }
    }
  }

  std::span<const std::byte> archive_;
  const std::string& source_;
  Directory directory_;
  std::vector<ZipEntry> entries_;
  std::vector<Range> ranges_;
  std::unordered_set<std::string> names_;
};

}  // namespace

std::vector<ZipEntry> read_zip(std::span<const std::byte> archive, const std::string& source) {
  return ZipReader(archive, source).read();
}

bool crc_matches(const ZipEntry& entry) {
  const auto* data = reinterpret_cast<const Bytef*>(entry.bytes.data());
  return ::crc32_z(::crc32_z(0, nullptr, 0), data, entry.bytes.size()) == entry.crc32;
}

}  // namespace glossa
