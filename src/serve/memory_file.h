// Bytes as a file that programs and libraries can open, and that is on no disk.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace glossa::serve {

class MemoryFile {
 public:
  // `name` is for messages. Error kInternal when the system has no memory for it.
  MemoryFile(std::string_view bytes, const std::string& name);
  ~MemoryFile();
  MemoryFile(const MemoryFile&) = delete;
  MemoryFile& operator=(const MemoryFile&) = delete;

  // Of this process and its children.
  std::filesystem::path path() const;

 private:
  int file_ = -1;
};

}  // namespace glossa::serve
