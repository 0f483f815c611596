// glossa-serve: what `glossa serve` starts.
#include <CLI/CLI.hpp>

#include "cli/command_line.h"
#include "cli/help_formatter.h"
#include "cli/serve_command.h"

int main(int argc, char** argv) {
  using namespace glossa::cli;
  fill_standard_descriptors();
  CLI::App program("Serve a model: Riva gRPC, OpenAI HTTP, WebSocket, and live captions in the browser",
                   "glossa serve");
  program.set_version_flag("--version", "glossa " GLOSSA_VERSION);
  program.formatter(make_help_formatter());
  const Command command = make_serve_command(program);
  const Parsed parsed = parse_command_line(program, argc, argv);
  return parsed.go_on ? run_command(command) : parsed.exit_code;
}
