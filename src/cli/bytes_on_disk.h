// What a checkpoint takes on the disk.
#pragma once

#include <cstdint>
#include <filesystem>

#include "checkpoint/checkpoint.h"

namespace glossa::cli {

// Of the file, or of those that a folder's checkpoint is read from.
inline std::uintmax_t bytes_on_disk(const std::filesystem::path& path) {
  std::uintmax_t sum = 0;
  for (const std::filesystem::path& file : checkpoint::checkpoint_files(path))
    sum += std::filesystem::file_size(file);
  return sum;
}

}  // namespace glossa::cli
