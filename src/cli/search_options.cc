#include "cli/search_options.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>

#include "base/fail.h"
#include "cli/option_values.h"
#include "glossa/types.hpp"

namespace glossa::cli {

void add_search_options(CLI::App& command, SearchOptions& options) {
  command
      .add_option("--decoding", options.decoding,
                  "Search: greedy, or beam, which computes more and finds what greedy search overlooks")
      ->type_name("SEARCH")
      ->check(one_of({"greedy", "beam"}))
      ->capture_default_str();
  command
      .add_option("--beam-size", options.beam_size,
                  fmt::format("Hypotheses that beam search keeps (default: {})", kDefaultBeam))
      ->type_name("N")
      ->check(between(2, kMostBeam));
  command
      .add_option("--max-symbols", options.max_symbols,
                  "Labels per encoder frame at most; 0: the checkpoint's own")
      ->type_name("N")
      ->check(between(0, 1000))
      ->capture_default_str();
}

SearchOptions search_options(const NemoKeys& keys) {
  SearchOptions options{.max_symbols = keys.max_symbols};
  if (keys.beam) {
    options.decoding = "beam";
    options.beam_size = keys.beam_size;
  }
  return options;
}

int beam_size(const SearchOptions& options) {
  if (options.decoding == "beam") return options.beam_size.value_or(kDefaultBeam);
  if (options.beam_size)
    fail_invalid_argument("--beam-size is of --decoding beam (got {})", options.decoding);
  return 1;
}

std::string describe(const SearchOptions& options) {
  return fmt::format("{}, {} labels per frame",
                     options.decoding == "beam" ? fmt::format("beam of {}", beam_size(options)) : "greedy",
                     options.max_symbols > 0 ? fmt::format("{}", options.max_symbols) : "the checkpoint's");
}

}  // namespace glossa::cli
