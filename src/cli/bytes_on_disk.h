// What a checkpoint takes on the disk.
#pragma once

#include <cstdint>
#include <filesystem>

namespace glossa::cli {

// Of a file, or of all files of a folder.
inline std::uintmax_t bytes_on_disk(const std::filesystem::path& path) {
  if (!std::filesystem::is_directory(path)) return std::filesystem::file_size(path);
  std::uintmax_t sum = 0;
  for (const auto& entry : std::filesystem::directory_iterator(path)) {
    if (entry.is_regular_file()) sum += entry.file_size();
  }
  return sum;
}

}  // namespace glossa::cli
