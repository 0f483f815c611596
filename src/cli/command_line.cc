#include "cli/command_line.h"

#include <fcntl.h>
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cerrno>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <new>
#include <string>
#include <string_view>

#include "base/log.h"
#include "cli/interrupt.h"
#include "cli/output_writer.h"
#include "glossa/error.hpp"
#include "text/utf8.h"

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

}  // namespace

int fail(ExitCode code, const std::string& message) {
  std::string line;  // what a broken file holds may be part of it
  for (std::size_t at = 0; at < message.size();) {
    const text::CodePoint character = text::first_code_point(std::string_view(message).substr(at));
    const bool is_control = character.value < 0x20 || (character.value >= 0x7f && character.value < 0xa0);
    line +=
        character.valid && (!is_control || message[at] == '\n') ? message.substr(at, character.size) : "?";
    at += character.size;
  }
  std::fputs(fmt::format("glossa: {}\n", line).c_str(), stderr);  // whether anybody reads it or not
  return code;
}

void fill_standard_descriptors() {
  // Reading and writing go on to fail where the user has closed them, but for messages.
  constexpr int kModes[] = {O_WRONLY, O_RDONLY, O_WRONLY};
  for (int descriptor = 0; descriptor < 3; ++descriptor) {
    if (::fcntl(descriptor, F_GETFD) < 0 && errno == EBADF)
      ::open("/dev/null", kModes[descriptor]);  // takes the lowest that is free: this one
  }
}

int run_command(const Command& command) {
  const CLI::App* named = command.app;
  while (!named->get_subcommands().empty()) named = named->get_subcommands().back();  // "data check"
  const CLI::Option* quiet = named->get_option_no_throw("--quiet");
  if (quiet == nullptr || quiet->count() == 0) {
    log::set_sink([](log::Level level, std::string_view message) {
      const char* kind = level == log::Level::kWarning ? "warning: " : "";
      std::fputs(fmt::format("glossa: {}{}\n", kind, message).c_str(),
                 stderr);  // whether anybody reads it or not
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

Parsed parse_command_line(CLI::App& program, int argc, char** argv) {
  const auto answer = [](const std::string& text) -> Parsed {
    try {
      print_to_stdout(text);
    } catch (const Error& error) {  // a full disk
      return {.exit_code = fail(exit_code(error.code()), error.what())};
    }
    return {};
  };
  try {
    program.parse(argc, argv);
  } catch (const CLI::CallForHelp&) {
    return answer(program.help());
  } catch (const CLI::CallForAllHelp&) {
    return answer(program.help("", CLI::AppFormatMode::All));
  } catch (const CLI::CallForVersion& version) {
    return answer(std::string(version.what()) + "\n");
  } catch (const CLI::ParseError& error) {
    std::string command;
    for (auto chosen = program.get_subcommands(); !chosen.empty(); chosen = chosen.back()->get_subcommands())
      command += chosen.back()->get_name() + " ";
    std::string message = error.what();
    constexpr std::string_view kUnknownKey =
        "INI was not able to parse ";  // CLI11's words, whatever the format
    if (message.starts_with(kUnknownKey))
      message = fmt::format("--config: no option '{}'", message.substr(kUnknownKey.size()));
    return {.exit_code = fail(kWrongUsage,
                              fmt::format("{} (see `{} {}--help`)", message, program.get_name(), command))};
  }
  return {.go_on = true};
}

}  // namespace glossa::cli
