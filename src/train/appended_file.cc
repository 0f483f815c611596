#include "train/appended_file.h"

#include <cerrno>
#include <cstring>
#include <system_error>
#include <utility>

#include "base/fail.h"

namespace glossa::train {

AppendedFile::AppendedFile(std::filesystem::path path) : path_(std::move(path)) {
  open();
  size_ = std::filesystem::file_size(path_);
}

void AppendedFile::open() {
  file_.reset(std::fopen(path_.c_str(), "ab"));
  if (!file_) fail_bad_input("{}: cannot be written ({})", path_.string(), std::strerror(errno));
  std::setbuf(file_.get(), nullptr);  // or what was refused would be tried again with what comes next
}

void AppendedFile::append(std::string_view bytes) {
  if (!file_) open();
  if (std::fwrite(bytes.data(), 1, bytes.size(), file_.get()) == bytes.size()) {
    size_ += bytes.size();
    return;
  }
  const int why = errno;
  file_.reset();
  std::error_code ignored;
  std::filesystem::resize_file(path_, size_, ignored);
  fail_bad_input("{}: cannot be written ({})", path_.string(), std::strerror(why));
}

}  // namespace glossa::train
