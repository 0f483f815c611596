#include "checkpoint/atomic_folder.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <vector>

#include "base/fail.h"
#include "checkpoint/partial_name.h"

namespace glossa::checkpoint {
namespace {

namespace fs = std::filesystem;

int open_folder(const fs::path& path) {
  return ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

// "m/" and "m" are one folder; the name is the last part.
fs::path without_slash(const fs::path& path) {
  return path.has_filename() || !path.has_parent_path() ? path : path.parent_path();
}

}  // namespace

AtomicFolder::AtomicFolder(const fs::path& path) : path_(without_slash(path)) {
  std::error_code error;
  if (fs::exists(path_, error) && !(fs::is_directory(path_, error) && fs::is_empty(path_, error)))
    fail_bad_input("{}: exists (expected a folder that is new or empty)", path_.string());
  remove_leftovers();
  do {
    temporary_ = new_partial(path_);
    if (fs::create_directory(temporary_, error)) break;
    if (error) fail_bad_input("{}: cannot create the folder: {}", path_.string(), error.message());
  } while (true);
  fd_ = open_folder(temporary_);
  if (fd_ >= 0) ::flock(fd_, LOCK_EX | LOCK_NB);
}

AtomicFolder::~AtomicFolder() {
  std::error_code ignored;
  if (!temporary_.empty()) fs::remove_all(temporary_, ignored);
  if (fd_ >= 0) ::close(fd_);
}

// Of this very folder, and not locked: whoever wrote it is gone.
void AtomicFolder::remove_leftovers() const {
  const std::string prefix = partial_prefix(path_);
  std::error_code error;
  std::vector<fs::path> found;
  for (fs::directory_iterator entry(folder_of(path_), error), end; !error && entry != end;
       entry.increment(error)) {
    if (is_partial(entry->path().filename().string(), prefix)) found.push_back(entry->path());
  }
  for (const fs::path& path : found) {
    const int fd = open_folder(path);
    if (fd < 0) continue;
    if (::flock(fd, LOCK_EX | LOCK_NB) == 0) fs::remove_all(path, error);
    ::close(fd);
  }
}

void AtomicFolder::commit() {
  if (fd_ >= 0) ::fsync(fd_);
  if (std::rename(temporary_.c_str(), path_.c_str()) != 0)  // an empty folder gives way
    fail_bad_input("{}: cannot give the folder its name: {}", path_.string(), std::strerror(errno));
  temporary_.clear();
  const int parent = open_folder(folder_of(path_));
  if (parent < 0) return;
  ::fsync(parent);
  ::close(parent);
}

}  // namespace glossa::checkpoint
