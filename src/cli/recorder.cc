#include "cli/recorder.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <thread>
#include <vector>

#include "base/fail.h"

extern char** environ;

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

// The errno of why it could not be started, or 0.
int spawn(const Words& words, int output, pid_t& pid) {
  std::vector<char*> arguments;
  for (const std::string& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
  // Ours may be ignored, and who writes to a pipe that nobody reads should end.
  sigset_t defaults;
  sigemptyset(&defaults);
  sigaddset(&defaults, SIGPIPE);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  posix_spawnattr_setsigdefault(&attributes, &defaults);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF);
  const int error = ::posix_spawnp(&pid, arguments[0], &actions, &attributes, arguments.data(), environ);
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  return error;
}

}  // namespace

Recorder::Recorder(const RecorderOptions& options) {
  std::array<int, 2> pipe{};
  if (::pipe2(pipe.data(), O_CLOEXEC) != 0)
    throw Error(ErrorCode::kInternal, fmt::format("cannot make a pipe: {}", std::strerror(errno)));
  int error = ENOENT;
  for (const Words& words : recorders(options)) {
    command_ = options.command.empty() ? fmt::format("{}", fmt::join(words, " ")) : options.command;
    error = spawn(words, pipe[1], pid_);
    if (error != ENOENT) break;
  }
  ::close(pipe[1]);
  if (error == 0) ::dup2(pipe[0], STDIN_FILENO);
  ::close(pipe[0]);
  if (error == 0) return;
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
  const int nothing = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  if (nothing >= 0) {
    ::dup2(nothing, STDIN_FILENO);
    ::close(nothing);
  }
  ::kill(pid_, SIGTERM);
  if (wait(kPatience)) return;
  ::kill(pid_, SIGKILL);
  while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
  }
}

}  // namespace glossa::cli
