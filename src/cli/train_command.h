// The command of the trainer's program.
#pragma once

#include "cli/commands.h"

namespace glossa::cli {

// Adds the options to the program itself: glossa-train has one command.
Command make_train_command(CLI::App& program);

}  // namespace glossa::cli
