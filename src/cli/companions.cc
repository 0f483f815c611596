// `glossa train` and `glossa serve` are programs of their own beside this one: the trainer maps libtorch, 250
// shared objects, the server gRPC; no other command should wait for them, and either may be absent.
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "base/fail.h"
#include "cli/commands.h"

namespace glossa::cli {
namespace {

namespace fs = std::filesystem;

// `remedy`: how to get a program that is not there.
int run_companion(const std::string& name, const std::vector<std::string>& words, const std::string& remedy) {
  std::error_code error;
  const fs::path program = fs::read_symlink("/proc/self/exe", error).parent_path() / name;
  std::vector<std::string> arguments = {name};
  arguments.insert(arguments.end(), words.begin(), words.end());
  std::vector<char*> argv;
  for (std::string& argument : arguments) argv.push_back(argument.data());
  argv.push_back(nullptr);
  if (fs::exists(program, error)) ::execv(program.c_str(), argv.data());
  const int reason = fs::exists(program, error) ? errno : ENOENT;
  fail_invalid_argument("{}: {} (expected {} beside this program: {})", program.string(),
                        std::strerror(reason), name, remedy);
}

Command add_companion(CLI::App& program, const std::string& command, const std::string& what,
                      const std::string& remedy) {
  CLI::App* app = program.add_subcommand(command, what);
  app->set_help_flag();  // its own
  app->prefix_command();
  return {app,
          [app, command, remedy] { return run_companion("glossa-" + command, app->remaining(), remedy); }};
}

}  // namespace

Command add_train(CLI::App& program) {
  return add_companion(
      program, "train", "Fine-tune a checkpoint, or train one from scratch",
      "this build cannot train: install libtorch-dev and run `make build`, or configure with "
      "-DGLOSSA_TRAIN=ON and -DCMAKE_PREFIX_PATH=/path/to/libtorch for CUDA");
}

Command add_serve(CLI::App& program) {
  return add_companion(
      program, "serve", "Serve a model: Riva gRPC, OpenAI HTTP, WebSocket, live captions",
      "this build cannot serve: `make build` installs what it needs and builds it with g++; without make, "
      "install the packages of cmake/apt-packages.txt and configure with -DGLOSSA_SERVE=ON, which says what "
      "is missing");
}

}  // namespace glossa::cli
