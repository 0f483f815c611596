// The program: finds the command and runs it.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
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
  const std::vector<Command> commands = {
      add_transcribe(program), add_live(program),    add_serve(program), add_train(program),
      add_evaluate(program),   add_convert(program), add_info(program),  add_languages(program),
      add_data(program),       add_lm(program),      add_bench(program), add_dump(program)};
  // "glossa chekc", "glossa data chekc": said more kindly than the parser would.
  const CLI::App* level = &program;
  for (int word = 1; word < argc && argv[word][0] != '-'; ++word) {
    const std::vector<const CLI::App*> known = level->get_subcommands([](const CLI::App*) { return true; });
    if (known.empty()) break;
    const auto named = std::find_if(known.begin(), known.end(),
                                    [&](const CLI::App* app) { return app->get_name() == argv[word]; });
    if (named == known.end()) {
      std::string names;
      for (const CLI::App* app : known) names += (names.empty() ? "" : ", ") + app->get_name();
      return fail(kWrongUsage, fmt::format("no such command (expected {}, got {})", names, argv[word]));
    }
    level = *named;
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
