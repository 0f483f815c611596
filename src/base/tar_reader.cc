#include "base/tar_reader.h"

#include <cstdint>
#include <optional>
#include <string_view>
#include <unordered_set>

#include "base/fail.h"
#include "base/printable.h"

namespace glossa {
namespace {

constexpr std::size_t kBlock = 512;
constexpr std::uint64_t kLargestExtension = 1 << 20;  // bytes of one PAX or long-name header

struct Field {
  std::size_t offset;
  std::size_t size;
};
constexpr Field kName{0, 100};
constexpr Field kSize{124, 12};
constexpr Field kChecksum{148, 8};
constexpr Field kMagic{257, 8};
constexpr Field kPrefix{345, 155};
constexpr std::size_t kTypeFlag = 156;

// What extension headers say about the next member.
struct Overrides {
  std::optional<std::string> name;
  std::optional<std::uint64_t> size;
};

std::string_view as_text(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

std::string_view field_text(std::span<const std::byte> header, Field field) {
  return as_text(header.subspan(field.offset, field.size));
}

std::string_view until_nul(std::string_view text) { return text.substr(0, text.find('\0')); }

// Octal digits between blanks, as ustar writes numbers.
std::optional<std::uint64_t> parse_octal(std::string_view text) {
  text = until_nul(text);
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  if (text.empty()) return std::nullopt;
  std::uint64_t value = 0;
  for (const char digit : text) {
    if (digit < '0' || digit > '7') return std::nullopt;
    value = value * 8 + static_cast<std::uint64_t>(digit - '0');  // 12 digits at most
  }
  return value;
}

// GNU: the first bit marks a big-endian binary number.
std::optional<std::uint64_t> parse_size(std::string_view text) {
  if ((static_cast<unsigned char>(text[0]) & 0x80u) == 0) return parse_octal(text);
  std::uint64_t value = static_cast<unsigned char>(text[0]) & 0x7fu;
  for (const char c : text.substr(1)) {
    if (value >> 55 != 0) return std::nullopt;  // negative, or beyond 63 bits
    value = value << 8 | static_cast<unsigned char>(c);
  }
  return value;
}

std::optional<std::uint64_t> parse_decimal(std::string_view text) {
  if (text.empty() || text.size() > 18) return std::nullopt;
  std::uint64_t value = 0;
  for (const char digit : text) {
    if (digit < '0' || digit > '9') return std::nullopt;
    value = value * 10 + static_cast<std::uint64_t>(digit - '0');
  }
  return value;
}

class TarReader {
 public:
  TarReader(std::span<const std::byte> archive, const std::string& source)
      : archive_(archive), source_(source) {}

  std::vector<TarMember> read() {
    while (!at_end_block()) read_entry();
    return std::move(members_);
  }

  TarContents read_until_damage() {
    TarContents contents;
    try {
      while (!at_end_block()) read_entry();
    } catch (const Error& error) {
      contents.damage = error.what();
    }
    contents.members = std::move(members_);
    return contents;
  }

 private:
  bool at_end_block() const {
    if (archive_.size() - position_ < kBlock) {
      fail_bad_input("{}: the tar archive is truncated: it ends at byte {} without an end-of-archive block",
                     source_, archive_.size());
    }
    for (const std::byte b : archive_.subspan(position_, kBlock)) {
      if (b != std::byte{0}) return false;
    }
    return true;
  }

  void read_entry() {
    const std::size_t header_at = position_;
    const auto header = archive_.subspan(position_, kBlock);
    check_checksum(header, header_at);
    position_ += kBlock;
    const char type = static_cast<char>(header[kTypeFlag]);
    const bool extension = type == 'x' || type == 'g' || type == 'L' || type == 'K';
    const std::uint64_t size = entry_size(header, header_at, extension);
    const auto data = take_data(size, header_at);
    if (extension) {
      if (size > kLargestExtension) {
        fail_bad_input("{}: tar header at byte {}: an extended header of {} bytes (expected at most {})",
                       source_, header_at, size, kLargestExtension);
      }
      read_extension(type, as_text(data), header_at);
      return;
    }
    std::string raw_name = entry_name(header);
    next_ = {};
    add_member(type, std::move(raw_name), data, header_at);
  }

  void check_checksum(std::span<const std::byte> header, std::size_t header_at) const {
    std::uint64_t unsigned_sum = 0;
    std::int64_t signed_sum = 0;  // written by some old programs
    for (std::size_t at = 0; at < kBlock; ++at) {
      const bool blank = at >= kChecksum.offset && at < kChecksum.offset + kChecksum.size;
      const auto value = blank ? static_cast<unsigned char>(' ') : static_cast<unsigned char>(header[at]);
      unsigned_sum += value;
      signed_sum += static_cast<signed char>(value);
    }
    const auto stored = parse_octal(field_text(header, kChecksum));
    if (!stored || (*stored != unsigned_sum && static_cast<std::int64_t>(*stored) != signed_sum)) {
      fail_bad_input(
          "{}: not a tar archive, or damaged: the header at byte {} has a wrong checksum (expected {:o}, "
          "found '{}')",
          source_, header_at, unsigned_sum, printable(until_nul(field_text(header, kChecksum))));
    }
  }

  std::uint64_t entry_size(std::span<const std::byte> header, std::size_t header_at, bool extension) const {
    const auto size = parse_size(field_text(header, kSize));
    if (!size) {
      fail_bad_input("{}: tar header at byte {}: the size field is no number: '{}'", source_, header_at,
                     printable(until_nul(field_text(header, kSize))));
    }
    return !extension && next_.size ? *next_.size : *size;
  }

  std::span<const std::byte> take_data(std::uint64_t size, std::size_t header_at) {
    const std::uint64_t left = archive_.size() - position_;
    // Compared before rounding up to whole blocks, so that the sum cannot overflow.
    if (size > left || (size + kBlock - 1) / kBlock * kBlock > left) {
      fail_bad_input(
          "{}: the tar archive is truncated: the member at byte {} has {} bytes, {} are left in the file",
          source_, header_at, size, left);
    }
    const auto data = archive_.subspan(position_, size);
    position_ += (size + kBlock - 1) / kBlock * kBlock;
    return data;
  }

  void read_extension(char type, std::string_view data, std::size_t header_at) {
    if (type == 'L') {
      next_.name = std::string(until_nul(data));
    } else if (type == 'x' || type == 'g') {
      read_pax(data, header_at, type == 'g');
    }  // 'K' names the target of a link; the link itself is refused
  }

  // Records "<length> <key>=<value>\n", the length counting itself.
  void read_pax(std::string_view data, std::size_t header_at, bool global) {
    while (!data.empty() && data.front() != '\0') {
      const std::size_t blank = data.find(' ');
      const auto length = parse_decimal(data.substr(0, std::min(blank, data.size())));
      if (!length || *length > data.size() || *length < blank + 3 || data[*length - 1] != '\n') {
        fail_bad_input("{}: tar header at byte {}: malformed PAX record '{}'", source_, header_at,
                       printable(data));
      }
      const std::string_view record = data.substr(blank + 1, *length - blank - 2);
      const std::size_t equals = record.find('=');
      if (equals == std::string_view::npos) {
        fail_bad_input("{}: tar header at byte {}: PAX record '{}' has no '='", source_, header_at,
                       printable(record));
      }
      take_pax_record(record.substr(0, equals), record.substr(equals + 1), header_at, global);
      data.remove_prefix(*length);
    }
  }

  void take_pax_record(std::string_view key, std::string_view value, std::size_t header_at, bool global) {
    if (key.starts_with("GNU.sparse.")) {
      fail_bad_input("{}: tar header at byte {}: a sparse file (expected a plain one)", source_, header_at);
    }
    if (key != "path" && key != "size")
      return;  // times, owners, comments; linkpath belongs to links, refused later
    if (global) {
      fail_bad_input("{}: tar header at byte {}: a global PAX header sets '{}' for every member", source_,
                     header_at, key);
    }
    if (key == "path") {
      next_.name = std::string(value);
    } else {
      next_.size = parse_decimal(value);
      if (!next_.size) {
        fail_bad_input("{}: tar header at byte {}: PAX size '{}' is no number", source_, header_at,
                       printable(value));
      }
    }
  }

  std::string entry_name(std::span<const std::byte> header) const {
    if (next_.name) return *next_.name;
    std::string name(until_nul(field_text(header, kName)));
    const std::string_view magic = field_text(header, kMagic);
    if (magic.substr(0, 6) == std::string_view("ustar\0", 6)) {  // GNU uses these bytes for times
      const std::string_view prefix = until_nul(field_text(header, kPrefix));
      if (!prefix.empty()) name = std::string(prefix) + "/" + name;
    }
    return name;
  }

  void add_member(char type, std::string raw_name, std::span<const std::byte> data, std::size_t header_at) {
    const std::string name = normalised(raw_name, header_at);
    const bool regular = type == '0' || type == '\0' || type == '7';
    if (type == '5' || (regular && raw_name.ends_with('/') && data.empty())) return;
    if (!regular) {
      const char* what = type == '1' || type == '2' ? "a link"
                         : type == 'S'              ? "a sparse file"
                                                    : "no regular file";
      fail_bad_input("{}: tar member '{}' is {} (type '{}'; expected regular files and directories only)",
                     source_, printable(raw_name), what, printable(std::string_view(&type, 1)));
    }
    if (name.empty() || raw_name.ends_with('/')) {
      fail_bad_input("{}: tar header at byte {}: a file with an unusable name '{}'", source_, header_at,
                     printable(raw_name));
    }
    if (!names_.insert(name).second) {
      fail_bad_input("{}: tar member '{}' occurs twice", source_, printable(name));
    }
    members_.push_back({name, data});
  }

  // Drops "." components; refuses names that would leave the archive.
  std::string normalised(std::string_view raw, std::size_t header_at) const {
    if (raw.starts_with('/')) {
      fail_bad_input("{}: tar member '{}' has an absolute name (expected a relative one)", source_,
                     printable(raw));
    }
    if (raw.find('\0') != std::string_view::npos) {
      fail_bad_input("{}: tar header at byte {}: the member's name contains a NUL character", source_,
                     header_at);
    }
    std::string name;
    while (!raw.empty()) {
      const std::size_t slash = std::min(raw.find('/'), raw.size());
      const std::string_view part = raw.substr(0, slash);
      if (part == "..") fail_bad_input("{}: tar member '{}' has '..' in its name", source_, printable(raw));
      if (!part.empty() && part != ".") {
        if (!name.empty()) name += '/';
        name += part;
      }
      raw.remove_prefix(std::min(slash + 1, raw.size()));
    }
    return name;
  }

  std::span<const std::byte> archive_;
  const std::string& source_;
  std::size_t position_ = 0;
  Overrides next_;
  std::vector<TarMember> members_;
  std::unordered_set<std::string> names_;
};

}  // namespace

std::vector<TarMember> read_tar(std::span<const std::byte> archive, const std::string& source) {
  return TarReader(archive, source).read();
}

TarContents read_damaged_tar(std::span<const std::byte> archive, const std::string& source) {
  return TarReader(archive, source).read_until_damage();
}

}  // namespace glossa
