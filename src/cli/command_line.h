// What every program of glossa does with its command line: errors become one line on stderr and an exit code.
#pragma once

#include <string>

#include "cli/commands.h"

namespace glossa::cli {

// Prints "glossa: MESSAGE".
int fail(ExitCode code, const std::string& message);

// The first thing a program does: descriptors 0 to 2 that are closed become /dev/null, so that no file that
// is opened later takes their place and gets what is printed.
void fill_standard_descriptors();

// Parses; nothing when the work can begin, else the exit code (help and version were printed, or what is
// wrong).
struct Parsed {
  bool go_on = false;
  int exit_code = kDone;
};
Parsed parse_command_line(CLI::App& program, int argc, char** argv);

// Runs the command, messages of the library on stderr unless --quiet was given.
int run_command(const Command& command);

}  // namespace glossa::cli
