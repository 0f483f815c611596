#include "cli/program.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <sstream>
#include <stdexcept>

#include "support/files.h"
#include "support/golden.h"

extern char** environ;

namespace glossa::testing {

namespace fs = std::filesystem;

Workplace::Workplace() {
  std::string name = (fs::temp_directory_path() / "glossa-cli-XXXXXX").string();
  if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("no temporary folder");
  folder_ = name;
}

Workplace::~Workplace() {
  std::error_code ignored;
  fs::remove_all(folder_, ignored);
}

ProgramRun Workplace::glossa(const std::vector<std::string>& arguments, const std::string& input) const {
  write(".stdin", input);
  std::vector<std::string> words = {GLOSSA_PROGRAM};
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);

  const std::string in = (folder_ / ".stdin").string();
  const std::string out = (folder_ / ".stdout").string();
  const std::string err = (folder_ / ".stderr").string();
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, in.c_str(), O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, out.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
  posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, err.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
  posix_spawn_file_actions_addchdir_np(&actions, folder_.c_str());
  pid_t pid = -1;
  const int error = ::posix_spawn(&pid, GLOSSA_PROGRAM, &actions, nullptr, argv.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  if (error != 0) throw std::runtime_error(std::string("cannot start ") + GLOSSA_PROGRAM);
  int status = 0;
  ::waitpid(pid, &status, 0);
  return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, read(".stdout"), read(".stderr")};
}

std::string Workplace::read(const std::string& name) const { return read_bytes(folder_ / name); }

void Workplace::write(const std::string& name, const std::string& bytes) const {
  std::ofstream(folder_ / name, std::ios::binary) << bytes;
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

std::string golden_audio(const std::string& name) { return (golden_dir() / "audio" / name).string(); }
std::string golden_model(const std::string& name) { return golden_model_path(name).string(); }

nlohmann::json golden_case(const std::string& model, const std::string& name) {
  return nlohmann::json::parse(read_bytes(golden_dir() / "cases" / model / (name + ".json")));
}

}  // namespace glossa::testing
