// A whole file mapped read-only into memory.
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>

namespace glossa {

// Immutable after construction; bytes() may be read from any thread. The mapping ends with the object.
class MappedFile {
 public:
  // Error kBadInput when the file cannot be opened or mapped, or is a Git LFS pointer. An empty file gives
  // empty bytes().
  explicit MappedFile(const std::filesystem::path& path);
  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  std::span<const std::byte> bytes() const { return {data_, size_}; }

  // Gives the pages read so far back to the system, which still caches the file: they are mapped again when
  // needed.
  void release_pages() const { release_pages(bytes()); }
  // Only those that lie wholly within `part`; nothing when that is not of this file.
  void release_pages(std::span<const std::byte> part) const;

 private:
  const std::byte* data_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace glossa
