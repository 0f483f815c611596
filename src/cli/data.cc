// `glossa data`: looks at, measures, cuts and packs training data.
#include <CLI/CLI.hpp>
#include <memory>
#include <vector>

#include "cli/commands.h"
#include "cli/data_commands.h"
#include "cli/help_formatter.h"

namespace glossa::cli {

Command add_data(CLI::App& program) {
  CLI::App* command = program.add_subcommand("data", "Look at, measure, cut and pack training data");
  command->require_subcommand(1);
  command->footer("`glossa data COMMAND --help` shows the options of a command.");
  const auto parts = std::make_shared<std::vector<Command>>(
      std::vector<Command>{add_data_check(*command), add_data_stats(*command), add_data_tar(*command),
                           add_data_mix(*command), add_data_segment(*command)});
  return {command, [parts] {
            for (const Command& part : *parts) {
              if (part.app->parsed()) return part.run();
            }
            return static_cast<int>(kWrongUsage);  // not reached: CLI11 asks for one of them
          }};
}

}  // namespace glossa::cli
