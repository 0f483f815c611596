#include "checkpoint/atomic_folder.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <utility>
#include <vector>

#include "base/fail.h"
#include "checkpoint/checkpoint_name.h"
#include "checkpoint/partial_name.h"

namespace glossa::checkpoint {
namespace {

namespace fs = std::filesystem;

int open_folder(const fs::path& path) {
  return ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

// Where a link points to; the path itself where that cannot be found out.
fs::path resolved(const fs::path& path) {
  std::error_code error;
  const fs::path plain = plain_path(path);
  const fs::path target = fs::weakly_canonical(plain, error);
  return error ? plain : target;
}

}  // namespace

AtomicFolder::AtomicFolder(const fs::path& path, std::string last)
    : path_(resolved(path)), last_(std::move(last)) {
  if (path.empty()) fail_invalid_argument("no folder to write to (expected a path)");
  struct stat status {};
  if (::stat(path_.c_str(), &status) == 0) {
    if (!S_ISDIR(status.st_mode)) fail_invalid_argument("{}: exists and is no folder", path_.string());
    exists_ = true;
  } else if (errno != ENOENT) {
    fail_bad_input("{}: cannot create the folder: {}", path_.string(), std::strerror(errno));
  }
  remove_leftovers();
  std::error_code error;
  if (exists_ && !fs::is_empty(path_, error)) {
    fail_invalid_argument("{}: a folder with something in it (expected one that is new or empty)",
                          path_.string());
  }
  while (!create()) {
  }
}

// False: try again, under another name. As AtomicFile: before it was locked somebody may have taken it for a
// leftover.
bool AtomicFolder::create() {
  temporary_ = new_partial(exists_ ? path_ / path_.filename() : path_);
  if (::mkdir(temporary_.c_str(), 0777) != 0) {
    if (errno == EEXIST) return false;
    const int error = errno;
    temporary_.clear();
    fail_bad_input("{}: cannot create the folder: {}", path_.string(), std::strerror(error));
  }
  fd_ = open_folder(temporary_);
  struct stat status {};
  const bool taken = fd_ >= 0 && ::flock(fd_, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK;
  if (!taken && fd_ >= 0 && ::fstat(fd_, &status) == 0 && status.st_nlink > 0) return true;
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
  ::rmdir(temporary_.c_str());
  return false;
}

AtomicFolder::~AtomicFolder() {
  std::error_code ignored;
  if (!temporary_.empty()) fs::remove_all(temporary_, ignored);
  if (fd_ >= 0) ::close(fd_);
}

// Of this very folder, and not locked: whoever wrote it is gone.
void AtomicFolder::remove_leftovers() const {
  for (const fs::path& folder : {folder_of(path_), path_}) {
    for (const fs::path& path : find_partials(folder, path_)) {
      const int fd = open_folder(path);
      if (fd < 0) continue;
      std::error_code ignored;
      if (::flock(fd, LOCK_EX | LOCK_NB) == 0) fs::remove_all(path, ignored);
      ::close(fd);
    }
  }
}

void AtomicFolder::move_files() {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(temporary_)) {
    if (entry.path().filename() != last_) names.push_back(entry.path().filename().string());
  }
  names.push_back(last_);
  for (const std::string& name : names) {
    if (std::rename((temporary_ / name).c_str(), (path_ / name).c_str()) != 0)
      fail_bad_input("{}: cannot give the file its name: {}", (path_ / name).string(), std::strerror(errno));
  }
  sync_folder(path_);
}

void AtomicFolder::commit() {
  ::fsync(fd_);
  if (exists_) return move_files();  // the temporary folder goes with this object
  if (std::rename(temporary_.c_str(), path_.c_str()) != 0)
    fail_bad_input("{}: cannot give the folder its name: {}", path_.string(), std::strerror(errno));
  temporary_.clear();
  sync_folder(folder_of(path_));
}

}  // namespace glossa::checkpoint
