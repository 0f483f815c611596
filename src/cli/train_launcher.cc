// `glossa train` is a program of its own, glossa-train, beside this one: it maps libtorch, 250 shared objects
// that no other command should wait for, and it may be absent.
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

constexpr const char* kTrainer = "glossa-train";

int run_trainer(const std::vector<std::string>& words) {
  std::error_code error;
  const fs::path trainer = fs::read_symlink("/proc/self/exe", error).parent_path() / kTrainer;
  std::vector<std::string> arguments = {kTrainer};
  arguments.insert(arguments.end(), words.begin(), words.end());
  std::vector<char*> argv;
  for (std::string& argument : arguments) argv.push_back(argument.data());
  argv.push_back(nullptr);
  if (fs::exists(trainer, error)) ::execv(trainer.c_str(), argv.data());
  const int reason = fs::exists(trainer, error) ? errno : ENOENT;
  fail_invalid_argument(
      "this build cannot train: {}: {} (expected the trainer beside this program: install libtorch-dev and "
      "run "
      "`make build`, or configure with -DGLOSSA_TRAIN=ON and -DCMAKE_PREFIX_PATH=/path/to/libtorch for CUDA)",
      trainer.string(), std::strerror(reason));
}

}  // namespace

Command add_train(CLI::App& program) {
  auto words = std::make_shared<std::vector<std::string>>();
  CLI::App* command = program.add_subcommand("train", "Fine-tune a checkpoint, or train one from scratch");
  command->set_help_flag();  // the trainer's own
  command->prefix_command();
  return {command, [command] { return run_trainer(command->remaining()); }};
}

}  // namespace glossa::cli
