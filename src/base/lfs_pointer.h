// A repository cloned without Git LFS has small texts in place of its large files.
#pragma once

#include <string_view>

#include "base/fail.h"

namespace glossa {

// Of a file's first bytes.
inline bool is_lfs_pointer(std::string_view begin) {
  return begin.starts_with("version https://git-lfs.github.com/spec/");
}

[[noreturn]] inline void fail_lfs_pointer(std::string_view name) {
  fail_bad_input("{}: a Git LFS pointer, not the file itself (`git lfs pull` fetches it)", name);
}

}  // namespace glossa
