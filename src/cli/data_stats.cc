// `glossa data stats`: hours, languages, durations, and buckets that fit them.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <memory>
#include <nlohmann/json.hpp>

#include "cli/data_commands.h"
#include "cli/option_values.h"
#include "cli/output_writer.h"
#include "data/statistics.h"
#include "text/json_text.h"

namespace glossa::cli {
namespace {

using nlohmann::ordered_json;

constexpr int kBarWidth = 40;           // characters
constexpr std::size_t kListed = 40;     // sources on a terminal
constexpr std::size_t kNameWidth = 44;  // characters

struct StatsCommand {
  DataOptions data;
  std::filesystem::path model;
  int buckets = 30;
};

ordered_json to_json(const std::map<std::string, data::Amount>& amounts) {
  ordered_json list = ordered_json::array();
  for (const auto& [name, amount] : amounts) {
    list.push_back({{"name", name.empty() ? ordered_json() : ordered_json(name)},
                    {"utterances", amount.utterances},
                    {"hours", amount.hours}});
  }
  return list;
}

ordered_json to_json(const std::vector<data::Percentile>& percentiles) {
  ordered_json object = ordered_json::object();
  for (const data::Percentile& percentile : percentiles)
    object[fmt::format("p{}", percentile.percent)] = percentile.value;
  return object;
}

std::string to_json(const data::Statistics& statistics, bool with_tokens) {
  ordered_json histogram = ordered_json::array();
  for (const data::HistogramBar& bar : statistics.histogram) {
    histogram.push_back(
        {{"from", bar.begin}, {"to", bar.end}, {"utterances", bar.utterances}, {"hours", bar.hours}});
  }
  ordered_json report = {{"utterances", statistics.total.utterances},
                         {"hours", statistics.total.hours},
                         {"unusable_lines", statistics.unusable_lines},
                         {"without_duration", statistics.without_duration},
                         {"without_text", statistics.without_text},
                         {"speakers", statistics.speakers},
                         {"words", statistics.words},
                         {"different_words", statistics.different_words},
                         {"characters", statistics.characters},
                         {"languages", to_json(statistics.languages)},
                         {"sources", to_json(statistics.sources)},
                         {"manifests", to_json(statistics.manifests)},
                         {"duration", to_json(statistics.durations)},
                         {"characters_per_second", to_json(statistics.characters_per_second)},
                         {"histogram", histogram},
                         {"bucket_duration_bins", statistics.bucket_duration_bins}};
  if (with_tokens) {
    report["tokens"] = statistics.tokens;
    report["tokens_per_second"] = to_json(statistics.tokens_per_second);
  }
  return text::json_text(report, 2) + "\n";
}

// Most hours first.
std::string table(const char* what, const std::map<std::string, data::Amount>& amounts) {
  std::vector<std::pair<std::string, data::Amount>> ordered(amounts.begin(), amounts.end());
  std::stable_sort(ordered.begin(), ordered.end(),
                   [](const auto& a, const auto& b) { return a.second.hours > b.second.hours; });
  std::string text = fmt::format("\n{:<{}} {:>11} {:>10}\n", what, kNameWidth, "utterances", "hours");
  for (std::size_t index = 0; index < std::min(ordered.size(), kListed); ++index) {
    const auto& [name, amount] = ordered[index];
    text += fmt::format("{:<{}} {:>11} {:>10.3f}\n", name.empty() ? "(none)" : name, kNameWidth,
                        amount.utterances, amount.hours);
  }
  if (ordered.size() > kListed) text += fmt::format("and {} more\n", ordered.size() - kListed);
  return text;
}

std::string row(const char* what, const std::vector<data::Percentile>& percentiles) {
  if (percentiles.empty()) return "";
  std::string text = fmt::format("{:<18}", what);
  for (const data::Percentile& percentile : percentiles) text += fmt::format(" {:>7.2f}", percentile.value);
  return text + "\n";
}

std::string percentile_table(const data::Statistics& statistics) {
  if (statistics.durations.empty()) return "";
  std::string text = fmt::format("\n{:<18}", "percentile");
  for (const data::Percentile& percentile : statistics.durations)
    text += fmt::format(" {:>7}", percentile.percent == 0     ? "min"
                                  : percentile.percent == 100 ? "max"
                                                              : fmt::format("{} %", percentile.percent));
  return text + "\n" + row("seconds", statistics.durations) +
         row("characters/second", statistics.characters_per_second) +
         row("tokens/second", statistics.tokens_per_second);
}

std::string histogram(const data::Statistics& statistics) {
  if (statistics.histogram.empty()) return "";
  std::int64_t most = 1;
  for (const data::HistogramBar& bar : statistics.histogram) most = std::max(most, bar.utterances);
  std::string text = fmt::format("\n{:>15} {:>11} {:>10}\n", "seconds", "utterances", "hours");
  for (const data::HistogramBar& bar : statistics.histogram) {
    const auto width = static_cast<int>(
        std::ceil(static_cast<double>(bar.utterances) * kBarWidth / static_cast<double>(most)));
    text += fmt::format("{:>15} {:>11} {:>10.3f} {:#<{}}", fmt::format("{:g} to {:g}", bar.begin, bar.end),
                        bar.utterances, bar.hours, "", width);
    text.erase(text.find_last_not_of(' ') + 1);
    text += "\n";
  }
  return text;
}

std::string to_text(const data::Statistics& statistics, bool with_tokens) {
  std::string text =
      fmt::format("{}, {:.3f} hours, {} ({} different)", counted(statistics.total.utterances, "utterance"),
                  statistics.total.hours, counted(statistics.words, "word"), statistics.different_words);
  if (with_tokens) text += ", " + counted(statistics.tokens, "token");
  if (statistics.speakers > 0)
    text += ", " + counted(static_cast<std::int64_t>(statistics.speakers), "speaker");
  text += "\n";
  for (const auto& [count, what] : {std::pair(statistics.unusable_lines, "cannot be read"),
                                    std::pair(statistics.without_duration, "without duration"),
                                    std::pair(statistics.without_text, "without text")}) {
    if (count > 0) text += fmt::format("{} {}: see `glossa data check`\n", counted(count, "line"), what);
  }
  text += table("language", statistics.languages);
  if (!statistics.sources.empty()) text += table("source", statistics.sources);
  if (statistics.manifests.size() > 1) text += table("manifest", statistics.manifests);
  text += percentile_table(statistics) + histogram(statistics);
  if (!statistics.bucket_duration_bins.empty()) {
    text += "\nBuckets of equal hours:\nbucket_duration_bins=[";
    for (std::size_t index = 0; index < statistics.bucket_duration_bins.size(); ++index)
      text += fmt::format("{}{:.5g}", index > 0 ? "," : "", statistics.bucket_duration_bins[index]);
    text += "]\n";
  }
  return text;
}

int stats(const StatsCommand& command) {
  const auto manifests = read_manifests(command.data.manifests);
  const TextModel model = command.model.empty() ? TextModel() : read_text_model(command.model);
  const bool with_tokens = model.tokenizer != nullptr;
  const auto statistics =
      data::statistics_of(manifests, {.tokenizer = model.tokenizer.get(), .buckets = command.buckets});
  print_to_stdout(command.data.json ? to_json(statistics, with_tokens) : to_text(statistics, with_tokens));
  return kDone;
}

}  // namespace

Command add_data_stats(CLI::App& data) {
  auto options = std::make_shared<StatsCommand>();
  CLI::App* command =
      data.add_subcommand("stats", "Hours, languages, durations, words, and buckets that fit them");
  command->footer(
      "Durations are the manifests'; `glossa data check` compares them with the sound. Speakers are the "
      "field\n"
      "\"speaker\", sources the field \"source\", else \"dataset\". bucket_duration_bins is for a training "
      "run of these\n"
      "manifests.");
  add_manifests(*command, options->data);
  command->add_option("--model", options->model, "A checkpoint, file or folder: counts its tokens, too")
      ->type_name("PATH");
  command->add_option("--buckets", options->buckets, "Buckets of bucket_duration_bins")
      ->check(between(2, 1000))
      ->capture_default_str()
      ->type_name("N");
  add_json_and_quiet(*command, options->data);
  return {command, [options] { return stats(*options); }};
}

}  // namespace glossa::cli
