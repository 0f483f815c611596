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
      .add_option(
          "--settle-delay-ms", options.settle_delay_ms,
          "Beam search: a label is settled so many milliseconds behind its frame at the latest, or with its "
          "chunk, as the best hypothesis has it (default: when all agree or the sound ends)")
      ->type_name("MS")
      ->check(number_between(0, kMostSettleDelay * 1000));
  command
      .add_option("--max-symbols", options.max_symbols,
                  "Labels per encoder frame at most; 0: the checkpoint's own")
      ->type_name("N")
      ->check(between(0, 1000))
      ->capture_default_str();
}

void describe_live_settling(CLI::App& command) {
  command.get_option("--settle-delay-ms")
      ->description(fmt::format("Beam search: a label of live sound is settled so many milliseconds behind "
                                "its frame at the latest, "
                                "or with its chunk, as the best hypothesis has it (default: {:.0f})",
                                kDefaultSettleDelay * 1000));
}

SearchOptions search_options(const NemoKeys& keys) {
  SearchOptions options{.max_symbols = keys.max_symbols};
  if (keys.beam) {
    options.decoding = "beam";
    options.beam_size = keys.beam_size;
  }
  return options;
}

void check(const SearchOptions& options) {
  if (options.decoding == "beam") return;
  if (options.beam_size)
    fail_invalid_argument("--beam-size is of --decoding beam (got {})", options.decoding);
  if (options.settle_delay_ms)
    fail_invalid_argument("--settle-delay-ms is of --decoding beam (got {})", options.decoding);
}

int beam_size(const SearchOptions& options) {
  check(options);
  return options.decoding == "beam" ? options.beam_size.value_or(kDefaultBeam) : 1;
}

std::optional<double> settle_delay_seconds(const SearchOptions& options) {
  check(options);
  if (!options.settle_delay_ms) return std::nullopt;
  return *options.settle_delay_ms / 1000;
}

std::string describe(const SearchOptions& options) {
  std::string search = options.decoding;
  if (options.decoding == "beam") search += fmt::format(" of {}", beam_size(options));
  if (options.settle_delay_ms) search += fmt::format(" settled after {} ms", *options.settle_delay_ms);
  return fmt::format("{}, {} labels per frame", search,
                     options.max_symbols > 0 ? fmt::format("{}", options.max_symbols) : "the checkpoint's");
}

}  // namespace glossa::cli
