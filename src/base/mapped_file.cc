#include "base/mapped_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/fail.h"
#include "base/lfs_pointer.h"

namespace glossa {

MappedFile::MappedFile(const std::filesystem::path& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) fail_bad_input("{}: cannot open: {}", path.string(), std::strerror(errno));
  struct stat status {};
  if (::fstat(fd, &status) != 0 || !S_ISREG(status.st_mode)) {
    ::close(fd);
    fail_bad_input("{}: expected a regular file", path.string());
  }
  size_ = static_cast<std::size_t>(status.st_size);
  if (size_ > 0) {
    void* mapping = ::mmap(nullptr, size_, PROT_READ, MAP_PRIVATE, fd, 0);
    if (mapping == MAP_FAILED) {
      const int cause = errno;
      ::close(fd);
      fail_bad_input("{}: cannot map {} bytes: {}", path.string(), size_, std::strerror(cause));
    }
    data_ = static_cast<const std::byte*>(mapping);
  }
  ::close(fd);
  if (is_lfs_pointer({reinterpret_cast<const char*>(data_), size_})) {
    ::munmap(const_cast<std::byte*>(data_), size_);
    fail_lfs_pointer(path.string());
  }
}

MappedFile::~MappedFile() {
  if (data_ != nullptr) ::munmap(const_cast<std::byte*>(data_), size_);
}

void MappedFile::release_pages(std::span<const std::byte> part) const {
  if (part.empty() || part.data() < data_ || part.data() + part.size() > data_ + size_) return;
  const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  const auto first = static_cast<std::size_t>(part.data() - data_);
  const std::size_t begin = (first + page - 1) / page * page;
  // The file's last page belongs to its end.
  const std::size_t last = first + part.size();
  const std::size_t end = last == size_ ? last : last / page * page;
  if (end > begin) ::madvise(const_cast<std::byte*>(data_) + begin, end - begin, MADV_DONTNEED);
}

}  // namespace glossa
