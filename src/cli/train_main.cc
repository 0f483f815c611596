// glossa-train: what `glossa train` starts.
#include <malloc.h>

#include <CLI/CLI.hpp>

#include "cli/command_line.h"
#include "cli/help_formatter.h"
#include "cli/train_command.h"

namespace {

// Every step takes and gives back the same large tensors. glibc would return them to the system and have
// their pages made and cleared again at the next step, which took half of a small model's time.
void keep_freed_memory() {
#ifdef __GLIBC__
  constexpr int kOneGigabyte = 1 << 30;
  ::mallopt(M_MMAP_THRESHOLD, kOneGigabyte);
  ::mallopt(M_TRIM_THRESHOLD, kOneGigabyte);
  ::mallopt(M_ARENA_MAX, 1);
#endif
}

}  // namespace

int main(int argc, char** argv) {
  using namespace glossa::cli;
  keep_freed_memory();
  CLI::App program("Fine-tune a checkpoint, or train one from scratch", "glossa train");
  program.formatter(make_help_formatter());
  const Command command = make_train_command(program);
  const Parsed parsed = parse_command_line(program, argc, argv);
  return parsed.go_on ? run_command(command) : parsed.exit_code;
}
