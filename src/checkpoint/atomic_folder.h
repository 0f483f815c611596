// A folder that appears only when it is complete.
#pragma once

#include <filesystem>

namespace glossa::checkpoint {

// Made under a temporary name beside its place; commit() gives it its name. Without commit() it is removed,
// and what a killed process has left of this very folder is removed when it is begun again. Error kBadInput
// when the disk refuses, or when there is something under the name that is no empty folder.
class AtomicFolder {
 public:
  explicit AtomicFolder(const std::filesystem::path& path);
  ~AtomicFolder();
  AtomicFolder(const AtomicFolder&) = delete;
  AtomicFolder& operator=(const AtomicFolder&) = delete;

  // Where its files are written to before commit(): they are on the disk then (AtomicFile).
  const std::filesystem::path& files() const { return temporary_; }
  void commit();

 private:
  void remove_leftovers() const;

  std::filesystem::path path_;
  std::filesystem::path temporary_;
  int fd_ = -1;  // locked (flock) while the folder is written: so others see that it is not a leftover
};

}  // namespace glossa::checkpoint
