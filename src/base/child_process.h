// Programs started beside this one, and the pipes that their output comes through. No shell is involved.
#pragma once

#include <sys/types.h>

#include <span>
#include <string>
#include <utility>

namespace glossa {

// Closes it in the end.
class FileDescriptor {
 public:
  explicit FileDescriptor(int fd = -1) : fd_(fd) {}
  ~FileDescriptor() { close(); }
  FileDescriptor(FileDescriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  FileDescriptor& operator=(FileDescriptor&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  int get() const { return fd_; }
  void close();

 private:
  int fd_;  // -1: none
};

struct Pipe {
  FileDescriptor read_end;
  FileDescriptor write_end;
};

// Children do not inherit it. Error kInternal when there are too many open files.
Pipe make_pipe();

// Starts words[0], which is looked for in PATH, with the rest as its arguments and nothing on stdin. What it
// writes goes to `output`, and its errors to `complaints`; negative: where ours go. Gives errno, 0 being
// success: ENOENT where there is no such program.
int start_child(std::span<const std::string> words, int output, int complaints, pid_t& pid);

// Until it has ended; what waitpid() says of it.
int wait_for_child(pid_t pid);

}  // namespace glossa
