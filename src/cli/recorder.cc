#include "cli/recorder.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <thread>
#include <vector>

#include "base/child_process.h"
#include "base/fail.h"

namespace glossa::cli {
namespace {

using Words = std::vector<std::string>;

constexpr int kPatience = 1000;  // milliseconds until a recorder that is done has ended

Words with_input(Words words, const std::string& option, const std::string& input) {
  if (!input.empty()) words.insert(words.end(), {option, input});
  return words;
}

// Those that are tried, in this order.
std::vector<Words> recorders(const RecorderOptions& options) {
  if (!options.command.empty()) return {{"sh", "-c", options.command}};
  const std::string rate = fmt::format("{}", options.rate);
  return {
      with_input({"parec", "--raw", "--format=s16le", "--rate=" + rate, "--channels=1", "--latency-msec=40"},
                 "--device", options.input),
      with_input({"arecord", "-q", "-t", "raw", "-f", "S16_LE", "-r", rate, "-c", "1"}, "-D", options.input),
      {"ffmpeg", "-nostdin", "-v", "error", "-f", "alsa", "-i",
       options.input.empty() ? "default" : options.input, "-ac", "1", "-ar", rate, "-f", "s16le", "pipe:1"}};
}

}  // namespace

Recorder::Recorder(const RecorderOptions& options) {
  const Pipe pipe = make_pipe();
  int error = ENOENT;
  for (const Words& words : recorders(options)) {
    command_ = options.command.empty() ? fmt::format("{}", fmt::join(words, " ")) : options.command;
    error = start_child(words, pipe.write_end.get(), /*complaints=*/-1, pid_);
    if (error != ENOENT) break;
  }
  if (error == 0) {
    ::dup2(pipe.read_end.get(), STDIN_FILENO);
    return;
  }
  pid_ = -1;
  fail_invalid_argument(
      "no recorder: {} (expected parec of pulseaudio-utils, arecord of alsa-utils, ffmpeg, or --recorder "
      "COMMAND)",
      std::strerror(error));
}

bool Recorder::wait(int milliseconds) {
  constexpr int kPause = 20;
  for (int waited = 0; pid_ >= 0; waited += kPause) {
    const pid_t ended = ::waitpid(pid_, &status_, WNOHANG);
    if (ended == pid_ || (ended < 0 && errno != EINTR)) pid_ = -1;
    if (pid_ < 0 || waited >= milliseconds) break;
    std::this_thread::sleep_for(std::chrono::milliseconds(kPause));
  }
  return pid_ < 0;
}

void Recorder::check() {
  if (!wait(kPatience) || status_ == 0) return;
  const std::string how = WIFEXITED(status_) ? fmt::format("status {}", WEXITSTATUS(status_))
                                             : fmt::format("signal {}", WTERMSIG(status_));
  fail_bad_input("the recorder `{}` failed (expected status 0, got {})", command_, how);
}

Recorder::~Recorder() {
  if (pid_ < 0) return;
  // Nobody reads what it writes any more: if it waits to write, it waits no longer.
  const FileDescriptor nothing(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  if (nothing.get() >= 0) ::dup2(nothing.get(), STDIN_FILENO);
  ::kill(pid_, SIGTERM);
  if (wait(kPatience)) return;
  ::kill(pid_, SIGKILL);
  wait_for_child(pid_);
}

}  // namespace glossa::cli
