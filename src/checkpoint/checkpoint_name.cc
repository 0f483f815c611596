#include "checkpoint/checkpoint_name.h"

namespace glossa::checkpoint {

namespace fs = std::filesystem;

fs::path plain_path(const fs::path& path) {
  const fs::path bare = path.has_filename() || !path.has_parent_path() ? path : path.parent_path();
  if (bare.filename() != "." && bare.filename() != "..") return bare;
  std::error_code error;
  const fs::path whole = fs::absolute(bare, error).lexically_normal();
  if (error) return bare;
  return whole.has_filename() || !whole.has_parent_path() ? whole : whole.parent_path();
}

std::string checkpoint_name(const fs::path& path) {
  const fs::path name = plain_path(path).filename();
  std::error_code error;
  const bool file = name.extension() == ".nemo" || name.extension() == ".gguf";
  return (file && !fs::is_directory(path, error) ? name.stem() : name).string();
}

}  // namespace glossa::checkpoint
