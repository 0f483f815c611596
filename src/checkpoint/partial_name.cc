#include "checkpoint/partial_name.h"

#include <fmt/format.h>
#include <unistd.h>

#include <atomic>

#include "base/printable.h"

namespace glossa::checkpoint {

std::filesystem::path folder_of(const std::filesystem::path& path) {
  return path.has_parent_path() ? path.parent_path() : ".";
}

std::string partial_prefix(const std::filesystem::path& path) {
  constexpr std::size_t kLongest = 200;  // of 255
  return fmt::format(".{}.", shortened(path.filename().string(), kLongest));
}

std::filesystem::path new_partial(const std::filesystem::path& path) {
  static std::atomic<unsigned> counter{0};
  return std::filesystem::path(path).replace_filename(
      fmt::format("{}{}-{}{}", partial_prefix(path), ::getpid(), counter++, kPartial));
}

bool is_partial(std::string_view name, std::string_view prefix) {
  if (!name.starts_with(prefix) || !name.ends_with(kPartial)) return false;
  name.remove_prefix(prefix.size());
  return name.find_first_not_of("0123456789-") == name.size() - kPartial.size();
}

}  // namespace glossa::checkpoint
