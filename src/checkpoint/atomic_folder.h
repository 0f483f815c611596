// A folder that appears only when it is complete.
#pragma once

#include <filesystem>
#include <string>

namespace glossa::checkpoint {

// Its files are written to a temporary folder, and commit() puts them in their place: a new folder gets its
// name at once; one that was there and empty, which may be a mounted disk, the files one after the other.
// Without commit() all of it is removed, and what a killed process has left of this very folder is removed
// when it is begun again. Error kInvalidArgument when there is something in the folder, kBadInput when the
// disk refuses.
class AtomicFolder {
 public:
  // `last`: the file without which nobody takes the folder for what it is going to be.
  AtomicFolder(const std::filesystem::path& path, std::string last);
  ~AtomicFolder();
  AtomicFolder(const AtomicFolder&) = delete;
  AtomicFolder& operator=(const AtomicFolder&) = delete;

  // Where its files are written to before commit(): they are on the disk then (AtomicFile).
  const std::filesystem::path& files() const { return temporary_; }
  void commit();

 private:
  void remove_leftovers() const;
  bool create();
  void move_files();

  std::filesystem::path path_;
  std::string last_;
  bool exists_ = false;              // and is empty: the temporary folder is inside
  std::filesystem::path temporary_;  // ".NAME.PID-NUMBER.partial"
  int fd_ = -1;  // locked (flock) while the folder is written: so others see that it is not a leftover
};

}  // namespace glossa::checkpoint
