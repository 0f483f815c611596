// --decoding, --beam-size, --settle-delay-ms and --max-symbols: how labels are searched for.
#pragma once

#include <optional>
#include <string>

#include "cli/nemo_keys.h"

namespace CLI {
class App;
}

namespace glossa::cli {

struct SearchOptions {
  std::string decoding = "greedy";        // or "beam"
  std::optional<int> beam_size;           // none: kDefaultBeam
  std::optional<double> settle_delay_ms;  // none: hypotheses have time until they agree
  int max_symbols = 0;                    // labels per encoder frame; 0: the checkpoint's
};

void add_search_options(CLI::App& command, SearchOptions& options);

// Where --settle-delay-ms has kDefaultSettleDelay: in programs that show live text.
void describe_live_settling(CLI::App& command);

SearchOptions search_options(const NemoKeys& keys);

// Error kInvalidArgument for options of beam search without it.
void check(const SearchOptions& options);

// What StreamOptions::beam_size is then; checked.
int beam_size(const SearchOptions& options);

// What StreamOptions::settle_delay is then; checked.
std::optional<double> settle_delay_seconds(const SearchOptions& options);

// For a report: "greedy, the checkpoint's labels per frame".
std::string describe(const SearchOptions& options);

}  // namespace glossa::cli
