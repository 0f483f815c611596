#include "cli/boost_options.h"

#include <CLI/CLI.hpp>
#include <filesystem>
#include <fstream>
#include <string_view>

#include "base/fail.h"
#include "base/printable.h"
#include "cli/option_values.h"
#include "text/utf8.h"

namespace glossa::cli {
namespace {

BoostedPhrase phrase_of(std::string_view line, float score, const std::string& file, int number) {
  const std::size_t tab = line.find('\t');
  BoostedPhrase phrase{std::string(trim(line.substr(0, tab))), score};
  if (tab == std::string_view::npos) return phrase;
  const std::string_view given = line.substr(tab + 1);
  if (!CLI::detail::lexical_cast(std::string(trim(given)), phrase.score))
    fail_bad_input("{}: line {}: the boost is \"{}\", expected a number", file, number, printable(given));
  return phrase;
}

}  // namespace

void add_boost_options(CLI::App& command, BoostOptions& options) {
  command
      .add_option("--boost", options.phrases,
                  "A phrase that is likely to be said, as it should be written; may be given again")
      ->type_name("PHRASE")
      ->allow_extra_args(false);
  command
      .add_option("--boost-file", options.file,
                  "A file with a phrase on each line, a tab and its own score behind it or not; lines "
                  "that begin with # are comments")
      ->type_name("FILE");
  command
      .add_option("--boost-score", options.score,
                  "How much, in nats: above 0 and at most 5; more finds more of the phrases and hears more "
                  "that are not there")
      ->type_name("X")
      ->capture_default_str();
}

std::vector<BoostedPhrase> boosted_phrases(const BoostOptions& options) {
  if (!(options.score > 0 && options.score <= kMostBoost))
    fail_invalid_argument("--boost-score is {}, expected above 0 and at most {}", options.score, kMostBoost);
  std::vector<BoostedPhrase> phrases;
  for (const std::string& text : options.phrases) phrases.push_back({text, options.score});
  if (options.file.empty()) return phrases;
  std::ifstream file(options.file);
  // A pipe would be empty the second time: it is looked at before the model is loaded, and read behind that.
  if (!file || !std::filesystem::is_regular_file(options.file))
    fail_bad_input("{}: no such file, or it cannot be read (from --boost-file)", options.file);
  std::string line;
  for (int number = 1; std::getline(file, line); ++number) {
    if (number == 1) line = std::string(text::without_byte_order_mark(line));
    if (line.ends_with('\r')) line.pop_back();
    if (trim(line).empty() || line.starts_with('#')) continue;
    phrases.push_back(phrase_of(line, options.score, options.file, number));
  }
  return phrases;
}

}  // namespace glossa::cli
