// What a checkpoint is called, and where it is, however its path was written.
#pragma once

#include <filesystem>
#include <string>

namespace glossa::checkpoint {

// A folder without a slash behind it, "." and ".." as the folders that they are; any other path as it is.
std::filesystem::path plain_path(const std::filesystem::path& path);

// "m" of m.nemo and m.gguf; the whole name of a folder and of any other file.
std::string checkpoint_name(const std::filesystem::path& path);

}  // namespace glossa::checkpoint
