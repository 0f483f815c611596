// Writing the containers of a checkpoint: a file that appears only when it is complete, tar headers, a torch
// zip.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace glossa::checkpoint {

// Written under a temporary name in the same folder; commit() makes it durable and gives it its name. Without
// commit() it is removed, and what a killed process has left of this very file is removed when it is begun
// again. Error kBadInput when the disk refuses.
class AtomicFile {
 public:
  explicit AtomicFile(const std::filesystem::path& path);
  ~AtomicFile();
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  void write(std::span<const std::byte> bytes);
  void write(std::string_view text) { write(std::as_bytes(std::span(text.data(), text.size()))); }
  std::uint64_t written() const { return written_; }
  void commit();

  // The file so far, on the disk under its temporary name; for whoever wants to look at it before commit().
  const std::filesystem::path& flushed();
  // Writes the first `size` bytes of this file to another, even after this one's disk has refused more. Error
  // kBadInput when they cannot be read or written.
  void copy_to(AtomicFile& other, std::uint64_t size);

  // Files of that kind in a folder that no other process writes to: what killed ones have left.
  static void remove_half_written(const std::filesystem::path& folder);

 private:
  void remove_leftovers() const;
  bool create();
  void flush();
  void write_out(std::span<const std::byte> bytes);
  [[noreturn]] void fail(std::string_view what) const;

  std::filesystem::path path_;
  std::filesystem::path temporary_;
  int fd_ = -1;  // locked (flock) while it is open: so others see that the file is not a leftover
  std::uint64_t written_ = 0;
  std::uint64_t on_disk_ = 0;      // of the bytes written
  std::vector<std::byte> buffer_;  // the others
};

// The header block(s) of a tar member, a PAX header first where ustar fields are too small. `type`: '0' file,
// '5' folder.
std::string tar_header(std::string_view name, std::uint64_t size, char type);

// Zero bytes that fill the last block of a member.
std::string tar_padding(std::uint64_t size);

// A zip of stored entries as torch.save writes it. Everything but the checksums is known before the first
// byte is written, so that the size can be put into the tar header.
class StoredZip {
 public:
  // Entries are written in this order.
  void add(std::string name, std::uint64_t size);
  std::uint64_t size() const;  // of the whole zip

  // What comes before the bytes of entry `index`, and what follows the last entry.
  std::string local_header(std::size_t index, std::uint32_t crc32);
  std::string central_directory() const;

 private:
  struct Entry {
    std::string name;
    std::uint64_t size = 0;
    std::uint64_t offset = 0;  // of the local header
    std::uint32_t crc32 = 0;
  };
  std::vector<Entry> entries_;
  std::uint64_t cursor_ = 0;  // end of the last entry
};

std::uint32_t crc32_of(std::span<const std::byte> bytes);

}  // namespace glossa::checkpoint
