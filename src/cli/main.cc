// The program: finds the command, runs it, turns errors into one line on stderr and an exit code.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <new>
#include <string>
#include <vector>

#include "base/log.h"
#include "cli/commands.h"
#include "cli/help_formatter.h"
#include "cli/interrupt.h"
#include "glossa/error.hpp"

namespace glossa::cli {
namespace {

ExitCode exit_code(ErrorCode code) {
  switch (code) {
    case ErrorCode::kInvalidArgument:
      return kWrongUsage;
    case ErrorCode::kBadInput:
      return kUnusableInput;
    case ErrorCode::kInternal:
      break;
  }
  return kInternalError;
}

int fail(ExitCode code, const std::string& message) {
  fmt::print(stderr, "glossa: {}\n", message);
  return code;
}

int run_command(const Command& command) {
  const CLI::App* named = command.app;
  while (!named->get_subcommands().empty()) named = named->get_subcommands().back();  // "data check"
  const CLI::Option* quiet = named->get_option_no_throw("--quiet");
  if (quiet == nullptr || quiet->count() == 0) {
    log::set_sink([](log::Level level, std::string_view message) {
      fmt::print(stderr, "glossa: {}{}\n", level == log::Level::kWarning ? "warning: " : "", message);
    });
  }
  try {
    return command.run();
  } catch (const Interrupted& interrupted) {
    end_by_signal(interrupted.signal);  // what was unfinished is gone by now
  } catch (const Error& error) {
    return fail(exit_code(error.code()), error.what());
  } catch (const std::filesystem::filesystem_error& error) {
    return fail(kUnusableInput, error.what());
  } catch (const std::bad_alloc&) {
    return fail(kInternalError, "out of memory");
  } catch (const std::exception& error) {
    return fail(kInternalError, fmt::format("internal error: {}", error.what()));
  }
}

int run_program(int argc, char** argv) {
  CLI::App program("Speech recognition with cache-aware streaming FastConformer-RNNT models", "glossa");
  program.set_version_flag("--version", "glossa " GLOSSA_VERSION);
  program.formatter(make_help_formatter());
  program.require_subcommand(0, 1);
  program.footer("`glossa COMMAND --help` shows the options of a command.");
  const std::vector<Command> commands = {add_transcribe(program), add_convert(program), add_info(program),
                                         add_languages(program),  add_data(program),    add_dump(program),
                                         add_bench(program)};
  std::string names;
  bool known = false;
  for (const Command& command : commands) {
    names += (names.empty() ? "" : ", ") + command.app->get_name();
    known = known || (argc > 1 && command.app->get_name() == argv[1]);
  }
  if (argc > 1 && argv[1][0] != '-' && !known) {
    return fail(kWrongUsage, fmt::format("no such command (expected {}, got {})", names, argv[1]));
  }
  try {
    program.parse(argc, argv);
  } catch (const CLI::CallForHelp&) {
    fmt::print("{}", program.help());
    return kDone;
  } catch (const CLI::CallForAllHelp&) {
    fmt::print("{}", program.help("", CLI::AppFormatMode::All));
    return kDone;
  } catch (const CLI::CallForVersion& version) {
    fmt::print("{}\n", version.what());
    return kDone;
  } catch (const CLI::ParseError& error) {
    std::string command;
    for (auto chosen = program.get_subcommands(); !chosen.empty(); chosen = chosen.back()->get_subcommands())
      command += chosen.back()->get_name() + " ";
    return fail(kWrongUsage, fmt::format("{} (see `glossa {}--help`)", error.what(), command));
  }
  for (const Command& command : commands) {
    if (command.app->parsed()) return run_command(command);
  }
  fmt::print(stderr, "{}", program.help());
  return kWrongUsage;
}

}  // namespace
}  // namespace glossa::cli

int main(int argc, char** argv) { return glossa::cli::run_program(argc, argv); }
