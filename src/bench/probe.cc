#include "bench/probe.h"

#include <fmt/format.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <sstream>

#include "glossa/error.hpp"

extern char** environ;

namespace glossa::bench {
namespace {

constexpr const char* kThisProgram = "/proc/self/exe";

[[noreturn]] void fail(const std::string& what) { throw Error(ErrorCode::kInternal, what); }

std::string read_all(int fd) {
  std::string text;
  char buffer[4096];
  for (ssize_t count; (count = ::read(fd, buffer, sizeof buffer)) != 0;) {
    if (count > 0) text.append(buffer, static_cast<std::size_t>(count));
    if (count < 0 && errno != EINTR) break;
  }
  return text;
}

}  // namespace

std::string format_probe(const ProbeValues& values) {
  std::string text;
  for (const auto& [name, value] : values) text += fmt::format("{} {}\n", name, value);
  return text;
}

ProbeValues parse_probe(std::string_view text) {
  ProbeValues values;
  std::istringstream lines{std::string(text)};
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string name;
    double value = 0;
    if (!(words >> name >> value)) fail(fmt::format("probe: line '{}' (expected a name and a number)", line));
    values[name] = value;
  }
  return values;
}

double monotonic_seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

ProbeValues run_probe(const std::vector<std::string>& arguments) {
  std::vector<std::string> words = {"glossa"};
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);

  int ends[2];
  if (::pipe(ends) != 0) fail("probe: no pipe");
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
  posix_spawn_file_actions_addclose(&actions, ends[0]);
  posix_spawn_file_actions_addclose(&actions, ends[1]);
  pid_t child = -1;
  const double spawned = monotonic_seconds();
  const int error = ::posix_spawn(&child, kThisProgram, &actions, nullptr, argv.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  ::close(ends[1]);
  const std::string text = error == 0 ? read_all(ends[0]) : "";
  ::close(ends[0]);
  if (error != 0) fail(fmt::format("probe: {} cannot be started (error {})", kThisProgram, error));
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
    fail(fmt::format("probe: `glossa {}` failed", fmt::join(arguments, " ")));
  ProbeValues values = parse_probe(text);
  values["spawned"] = spawned;
  return values;
}

}  // namespace glossa::bench
