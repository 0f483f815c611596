// The program: finds the command and runs it.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <string>
#include <vector>

#include "cli/command_line.h"
#include "cli/commands.h"
#include "cli/help_formatter.h"

namespace glossa::cli {
namespace {

int run_program(int argc, char** argv) {
  CLI::App program("Speech recognition with cache-aware streaming FastConformer-RNNT models", "glossa");
  program.set_version_flag("--version", "glossa " GLOSSA_VERSION);
  program.formatter(make_help_formatter());
  program.require_subcommand(0, 1);
  program.footer("`glossa COMMAND --help` shows the options of a command.");
  const std::vector<Command> commands = {add_transcribe(program), add_serve(program),   add_train(program),
                                         add_evaluate(program),   add_convert(program), add_info(program),
                                         add_languages(program),  add_data(program),    add_lm(program),
                                         add_bench(program),      add_dump(program)};
  std::string names;
  bool known = false;
  for (const Command& command : commands) {
    names += (names.empty() ? "" : ", ") + command.app->get_name();
    known = known || (argc > 1 && command.app->get_name() == argv[1]);
  }
  if (argc > 1 && argv[1][0] != '-' && !known) {
    return fail(kWrongUsage, fmt::format("no such command (expected {}, got {})", names, argv[1]));
  }
  const Parsed parsed = parse_command_line(program, argc, argv);
  if (!parsed.go_on) return parsed.exit_code;
  for (const Command& command : commands) {
    if (command.app->parsed()) return run_command(command);
  }
  fmt::print(stderr, "{}", program.help());
  return kWrongUsage;
}

}  // namespace
}  // namespace glossa::cli

int main(int argc, char** argv) {
  glossa::cli::fill_standard_descriptors();
  return glossa::cli::run_program(argc, argv);
}
