// The commands of the program, one file each. Every function adds its command with all options to `program`
// and returns what to do when the user named it. The returned function gives an ExitCode; errors leave it as
// exceptions.
#pragma once

#include <functional>

namespace CLI {
class App;
}

namespace glossa::cli {

enum ExitCode : int { kDone = 0, kInternalError = 1, kWrongUsage = 2, kUnusableInput = 3 };

struct Command {
  CLI::App* app = nullptr;   // owned by the program it was added to
  std::function<int()> run;  // owns the command's options
};

Command add_transcribe(CLI::App& program);
Command add_live(CLI::App& program);
Command add_convert(CLI::App& program);
Command add_info(CLI::App& program);
Command add_languages(CLI::App& program);
Command add_data(CLI::App& program);
Command add_dump(CLI::App& program);
Command add_bench(CLI::App& program);
Command add_train(CLI::App& program);
Command add_serve(CLI::App& program);
Command add_evaluate(CLI::App& program);
Command add_lm(CLI::App& program);

}  // namespace glossa::cli
