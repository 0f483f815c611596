#include "cli/training_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <limits>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>

#include "eval/html_report.h"
#include "eval/scores.h"
#include "text/json_text.h"

namespace glossa::cli {
namespace {

using nlohmann::json;

constexpr double kNothing = std::numeric_limits<double>::quiet_NaN();

std::vector<json> read_lines(const std::filesystem::path& path) {
  std::vector<json> lines;
  std::ifstream file(path);
  for (std::string text; std::getline(file, text);) {
    json line = text::parsed_json(text);
    if (line.is_object()) lines.push_back(std::move(line));
  }
  return lines;
}

double number(const json& line, const char* key) {
  const auto found = line.find(key);
  return found != line.end() && found->is_number() ? found->get<double>() : kNothing;
}

eval::LinePlot plot(const std::vector<json>& lines, const std::string& title, const char* key, bool log_y) {
  eval::Series series{.name = key};
  for (const json& line : lines) {
    series.x.push_back(number(line, "step"));
    series.y.push_back(number(line, key));
  }
  return {.title = title, .x_label = "step", .y_label = key, .series = {series}, .log_y = log_y};
}

std::string percent(double rate) { return std::isfinite(rate) ? fmt::format("{:.2f} %", 100 * rate) : "-"; }

// Scores of a validation by "language at setting".
using Rates = std::map<std::pair<std::string, std::string>, json>;

void collect(const json& validation, const char* group, Rates& rates) {
  const auto scores = validation.find(group);
  if (scores == validation.end() || !scores->is_array()) return;
  for (const json& score : *scores)
    rates[{score.value("language", ""), score.value("att_context_size", "")}] = score;
}

std::string name_of(const json& validation) {
  const auto step = validation.value("step", std::int64_t{0});
  const int averaged = validation.value("averaged", 1);
  const double base_share = validation.value("base_share", 0.0);
  std::string name = step == 0 ? "base" : fmt::format("step {}", step);
  if (averaged > 1) name = fmt::format("mean of {}", averaged);
  if (base_share > 0) name += fmt::format(", {:g} % base", 100 * base_share);
  return name;
}

// Whether the base was measured before the first step.
bool has_base(const std::vector<json>& validations) {
  return validations.front().value("step", std::int64_t{0}) == 0;
}

// What the run gives, or would if it ended now: what was mixed with the base comes last.
const json& best_of(const std::vector<json>& validations) {
  if (number(validations.back(), "base_share") > 0) return validations.back();
  const bool skips_base = has_base(validations) && validations.size() > 1;
  const auto first = validations.begin() + (skips_base ? 1 : 0);
  return *std::min_element(first, validations.end(), [](const json& a, const json& b) {
    return number(a, "val_wer") < number(b, "val_wer");
  });
}

// What an error rate alone does not show: speech that was dropped, words where nobody speaks, tags, delay.
void add_details(eval::HtmlReport& report, const Rates& rates) {
  report.add_paragraph(
      "The best, in detail; docs/evaluation.md says what the figures mean (words in silence: false%, tag "
      "right: lang%).");
  eval::Table table{.columns = {"language", "setting", "normalised WER", "CER", "deletions", "insertions",
                                "empty", "words in silence", "tag right", "last word's lag"},
                    .text_columns = 2};
  for (const auto& [key, score] : rates) {
    eval::Row& row = table.rows.emplace_back();
    row.cells = {key.first, key.second};
    for (const char* rate :
         {"wer_normalized", "cer", "deletions", "insertions", "empty", "false_text", "language_accuracy"})
      row.cells.emplace_back(percent(number(score, rate)));
    const double lag = number(score, "final_word_lag");
    row.cells.emplace_back(std::isfinite(lag) ? fmt::format("{:.2f} s", lag) : "-");
    row.strong = key.first == eval::kAllLanguages;
  }
  report.add_table(table);
}

void add_validations(eval::HtmlReport& report, const std::vector<json>& validations) {
  std::map<std::pair<std::string, std::string>, eval::Series> series;
  for (const json& validation : validations) {
    if (validation.value("averaged", 1) > 1 || number(validation, "base_share") > 0) continue;  // of no step
    Rates rates;
    collect(validation, "target", rates);
    collect(validation, "probes", rates);
    for (const auto& [key, score] : rates) {
      eval::Series& one = series[key];
      one.name = fmt::format("{} {}", key.first, key.second);
      one.x.push_back(number(validation, "step"));
      one.y.push_back(100 * number(score, "wer"));
    }
  }
  eval::LinePlot wer{.title = "Word error rate", .x_label = "step", .y_label = "WER, %", .y_from_zero = true};
  for (const auto& [key, one] : series) {
    if (key.first != eval::kAllLanguages || series.size() == 1) wer.series.push_back(one);
  }
  report.add_section("Validation",
                     "Held-out recordings, streamed by the serving engine at the latency they are named by.");
  report.add_plot(wer);

  eval::Table table{.columns = {"language", "setting", "utterances", "base", "best", "relative", "95 %"},
                    .text_columns = 2};
  const json& best = best_of(validations);
  Rates first;
  Rates last;
  for (const char* group : {"target", "probes"}) {
    if (has_base(validations)) collect(validations.front(), group, first);
    collect(best, group, last);
  }
  for (const auto& [key, score] : last) {
    const auto before = first.find(key);
    const double base = before == first.end() ? kNothing : number(before->second, "wer");
    const double now = number(score, "wer");
    const double change = base > 0 ? (now - base) / base : kNothing;
    table.rows.push_back(
        {.cells = {key.first, key.second, fmt::format("{}", score.value("utterances", 0)), percent(base),
                   percent(now), std::isfinite(change) ? fmt::format("{:+.1f} %", 100 * change) : "-",
                   fmt::format("{} to {}", percent(number(score, "wer_low")),
                               percent(number(score, "wer_high")))},
         .strong = key.first == eval::kAllLanguages});
  }
  report.add_table(table);
  add_details(report, last);
}

void add_forgetting(eval::HtmlReport& report, const std::vector<json>& validations) {
  std::set<std::string> settings;
  std::set<std::string> languages;
  for (const json& validation : validations) {
    Rates rates;
    collect(validation, "target", rates);
    collect(validation, "probes", rates);
    for (const auto& [key, score] : rates) {
      settings.insert(key.second);
      if (key.first != eval::kAllLanguages) languages.insert(key.first);
    }
  }
  report.add_section("Forgetting",
                     "Word error rate by language; coloured by the difference to the base model.");
  const std::vector<std::string> columns(languages.begin(), languages.end());
  for (const std::string& setting : settings) {
    eval::ForgettingMatrix matrix(columns);
    for (const json& validation : validations) {
      Rates rates;
      collect(validation, "target", rates);
      collect(validation, "probes", rates);
      std::vector<double> row;
      for (const std::string& language : columns) {
        const auto found = rates.find({language, setting});
        row.push_back(found == rates.end() ? kNothing : number(found->second, "wer"));
      }
      matrix.add_row(name_of(validation), row);
    }
    report.add_paragraph(fmt::format("At {}:", setting));
    report.add_matrix(matrix);
  }
}

void add_examples(eval::HtmlReport& report, const std::vector<eval::UtteranceResult>& examples) {
  std::vector<eval::Sample> samples;
  for (const eval::UtteranceResult& result : examples) {
    if (!result.error.empty()) continue;
    samples.push_back({.heading = result.id,
                       .note = fmt::format("{} {}", result.target_lang, percent(result.raw.rate())),
                       .reference = result.reference,
                       .hypothesis = result.hypothesis});
  }
  report.add_section("Examples", "From the newest validation.");
  report.add_samples(samples);
}

}  // namespace

std::string training_report(const TrainingReportSources& sources) {
  const std::vector<json> metrics = read_lines(sources.metrics);
  const std::vector<json> validations = read_lines(sources.validations);
  eval::HtmlReport report(sources.name, "training with glossa");
  if (!metrics.empty()) {
    std::vector<eval::Figure> figures = {
        {fmt::format("{}", metrics.back().value("step", std::int64_t{0})), "steps", ""},
        {fmt::format("{:.2f}", number(metrics.back(), "audio_hours")), "hours of audio", ""},
        {fmt::format("{:.3f}", number(metrics.back(), "loss")), "loss", "of the last step"}};
    if (!validations.empty())
      figures.push_back(
          {percent(number(best_of(validations), "val_wer")), "WER, validation",
           fmt::format("{}; {}: {}", name_of(best_of(validations)), name_of(validations.front()),
                       percent(number(validations.front(), "val_wer")))});
    report.add_figures(figures);
    report.add_section("Training");
    report.add_plot(plot(metrics, "Loss", "loss", /*log_y=*/true));
    report.add_plot(plot(metrics, "Learning rate", "lr", /*log_y=*/false));
    report.add_plot(plot(metrics, "Gradient norm", "grad_norm", /*log_y=*/true));
  }
  if (!validations.empty()) {
    add_validations(report, validations);
    add_forgetting(report, validations);
  }
  if (!sources.examples.empty()) add_examples(report, sources.examples);
  std::vector<std::pair<std::string, std::string>> settings;
  std::istringstream yaml(sources.configuration);
  for (std::string line; std::getline(yaml, line);) {
    const std::size_t colon = line.find(':');
    if (colon != std::string::npos && colon + 1 < line.size())
      settings.emplace_back(line.substr(0, colon), line.substr(colon + 1));
  }
  report.add_section("Configuration");
  report.add_configuration(settings);
  return report.str();
}

}  // namespace glossa::cli
