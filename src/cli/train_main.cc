// glossa-train: what `glossa train` starts.
#include <CLI/CLI.hpp>

#include "base/freed_memory.h"
#include "cli/command_line.h"
#include "cli/help_formatter.h"
#include "cli/train_command.h"

int main(int argc, char** argv) {
  using namespace glossa::cli;
  fill_standard_descriptors();
  glossa::keep_freed_memory();
  CLI::App program("Fine-tune a checkpoint, or train one from scratch", "glossa train");
  program.formatter(make_help_formatter());
  const Command command = make_train_command(program);
  const Parsed parsed = parse_command_line(program, argc, argv);
  return parsed.go_on ? run_command(command) : parsed.exit_code;
}
