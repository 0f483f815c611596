// A log on the disk that a full disk does not spoil.
#pragma once

#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <string_view>

namespace glossa::train {

// One thread may use it.
class AppendedFile {
 public:
  // Goes on behind what is there. Error kBadInput when the file cannot be written.
  explicit AppendedFile(std::filesystem::path path);

  const std::filesystem::path& path() const { return path_; }

  // Handed to the system before it returns. When the disk refuses, Error kBadInput, and nothing of `bytes` is
  // in the file: the next call may succeed.
  void append(std::string_view bytes);

 private:
  struct Close {
    void operator()(std::FILE* file) const { std::fclose(file); }
  };

  void open();

  std::filesystem::path path_;
  std::uintmax_t size_ = 0;  // of what was appended whole, and of what was there
  std::unique_ptr<std::FILE, Close> file_;
};

}  // namespace glossa::train
