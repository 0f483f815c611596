// --decoding, --beam-size and --max-symbols: how labels are searched for.
#pragma once

#include <optional>
#include <string>

#include "cli/nemo_keys.h"

namespace CLI {
class App;
}

namespace glossa::cli {

struct SearchOptions {
  std::string decoding = "greedy";  // or "beam"
  std::optional<int> beam_size;     // none: kDefaultBeam
  int max_symbols = 0;              // labels per encoder frame; 0: the checkpoint's
};

void add_search_options(CLI::App& command, SearchOptions& options);

SearchOptions search_options(const NemoKeys& keys);

// What StreamOptions::beam_size is then. Error kInvalidArgument for a beam without beam search.
int beam_size(const SearchOptions& options);

// For a report: "greedy, the checkpoint's labels per frame".
std::string describe(const SearchOptions& options);

}  // namespace glossa::cli
