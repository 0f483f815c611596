// The microphone, through a program of the system that records. Its sound comes on this program's stdin.
#pragma once

#include <sys/types.h>

#include <string>

namespace glossa::cli {

struct RecorderOptions {
  std::string command;  // for sh, writes raw mono PCM in s16le or a wav file; empty: one that is installed
  std::string input;    // the sound system's name of a microphone; empty: its default
  int rate = 16000;     // Hz
};

// A running recorder, which the destructor ends, by force if it must.
class Recorder {
 public:
  // Error kInvalidArgument when there is none.
  explicit Recorder(const RecorderOptions& options);
  ~Recorder();
  Recorder(const Recorder&) = delete;
  Recorder& operator=(const Recorder&) = delete;

  const std::string& command() const { return command_; }

  // After the end of its sound: Error kBadInput when it failed.
  void check();

 private:
  bool wait(int milliseconds);  // true when it has ended; then status_ is known

  std::string command_;  // as a person would type it
  pid_t pid_ = -1;       // -1: it has ended
  int status_ = 0;       // of waitpid()
};

}  // namespace glossa::cli
