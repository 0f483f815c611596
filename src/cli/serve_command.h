// `glossa serve`, in the program of its own that links gRPC.
#pragma once

#include "cli/commands.h"

namespace glossa::cli {

// Its options become those of `program` itself.
Command make_serve_command(CLI::App& program);

}  // namespace glossa::cli
