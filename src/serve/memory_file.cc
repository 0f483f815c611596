#include "serve/memory_file.h"

#include <fmt/format.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "glossa/error.hpp"

namespace glossa::serve {

MemoryFile::MemoryFile(std::string_view bytes, const std::string& name)
    : file_(::memfd_create(name.substr(0, 100).c_str(), MFD_CLOEXEC)) {
  while (file_ >= 0 && !bytes.empty()) {
    const ssize_t written = ::write(file_, bytes.data(), bytes.size());
    if (written <= 0) break;
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  if (file_ >= 0 && bytes.empty()) return;
  const std::string reason = std::strerror(errno);
  if (file_ >= 0) ::close(file_);
  throw Error(ErrorCode::kInternal, fmt::format("{}: no memory for the file: {}", name, reason));
}

MemoryFile::~MemoryFile() { ::close(file_); }

std::filesystem::path MemoryFile::path() const { return fmt::format("/proc/{}/fd/{}", ::getpid(), file_); }

}  // namespace glossa::serve
