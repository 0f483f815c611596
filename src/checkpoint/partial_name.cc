#include "checkpoint/partial_name.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <atomic>
#include <string>

#include "base/printable.h"

namespace glossa::checkpoint {
namespace {

// How the temporary names of `path` begin; of a long name the beginning.
std::string partial_prefix(const std::filesystem::path& path) {
  constexpr std::size_t kLongest = 200;  // of 255
  return fmt::format(".{}.", shortened(path.filename().string(), kLongest));
}

bool is_partial(std::string_view name, std::string_view prefix) {
  if (!name.starts_with(prefix) || !name.ends_with(kPartial)) return false;
  name.remove_prefix(prefix.size());
  return name.find_first_not_of("0123456789-") == name.size() - kPartial.size();
}

}  // namespace

std::filesystem::path folder_of(const std::filesystem::path& path) {
  return path.has_parent_path() ? path.parent_path() : ".";
}

std::filesystem::path new_partial(const std::filesystem::path& path) {
  static std::atomic<unsigned> counter{0};
  return std::filesystem::path(path).replace_filename(
      fmt::format("{}{}-{}{}", partial_prefix(path), ::getpid(), counter++, kPartial));
}

std::vector<std::filesystem::path> find_partials(const std::filesystem::path& folder,
                                                 const std::filesystem::path& path) {
  const std::string prefix = partial_prefix(path);
  std::error_code error;
  std::vector<std::filesystem::path> found;
  for (std::filesystem::directory_iterator entry(folder, error), end; !error && entry != end;
       entry.increment(error)) {
    if (is_partial(entry->path().filename().string(), prefix)) found.push_back(entry->path());
  }
  return found;
}

void sync_folder(const std::filesystem::path& folder) {
  const int fd = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return;
  ::fsync(fd);
  ::close(fd);
}

}  // namespace glossa::checkpoint
