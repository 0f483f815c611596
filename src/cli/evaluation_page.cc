// The page that `evaluate --report` writes.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "cli/evaluation_output.h"
#include "eval/html_report.h"
#include "text/lang_tag.h"

namespace glossa::cli {
namespace {

constexpr std::size_t kMostSamples = 10;  // of the worst, and of the others

std::string percent_text(double rate) {
  return std::isfinite(rate) ? fmt::format("{:.2f}", 100 * rate) : "inf";
}

std::string duration_text(double seconds) {
  if (seconds < 120) return fmt::format("{:.0f} s", seconds);
  if (seconds < 7200) return fmt::format("{:.1f} min", seconds / 60);
  return fmt::format("{:.1f} h", seconds / 3600);
}

std::string setting_text(const EvaluatedSetting& setting) {
  return fmt::format("{} · {:.0f} ms", setting.name, setting.latency_ms);
}

// The last score is the one of all languages, or of the only one.
const eval::Score& overall(const EvaluatedSetting& setting) { return setting.scores.back(); }

eval::Bar bar_of(double value, const eval::Interval& interval, double full) {
  return {.value = value, .low = interval.low, .high = interval.high, .full = full};
}

void add_figures(eval::HtmlReport& page, const EvaluationRun& run) {
  const EvaluatedSetting& setting = run.settings.front();
  if (setting.scores.empty()) return;
  const eval::Score& score = overall(setting);
  if (score.utterances == 0) return;
  const eval::Interval& interval = score.normalized_interval;
  std::vector<eval::Figure> figures = {
      {percent_text(score.normalized.rate()) + " %", "WER, normalised",
       fmt::format("95 %: {} to {}, at {:.0f} ms", percent_text(interval.low), percent_text(interval.high),
                   setting.latency_ms)},
      {percent_text(score.raw.rate()) + " %", "WER, raw", "case and punctuation count"},
      {percent_text(score.characters.rate()) + " %", "CER, normalised", "letters"}};
  if (score.language_accuracy)
    figures.push_back(
        {fmt::format("{:.1f} %", 100 * *score.language_accuracy), "language named", "told auto"});
  if (score.final_word_lag)
    figures.push_back(
        {fmt::format("{:.2f} s", *score.final_word_lag), "last word's wait", "median, in sound"});
  const double speed = setting.processing_seconds > 0 ? score.seconds / setting.processing_seconds : 0;
  figures.push_back({duration_text(score.seconds), fmt::format("{} utterances", score.utterances),
                     fmt::format("recognised at {:.1f}× real time", speed)});
  page.add_figures(figures);
}

void add_scores(eval::HtmlReport& page, const EvaluationRun& run) {
  page.add_section(
      "Scores",
      "Rates of the whole: edits over reference words (letters for languages without spaces). The "
      "bar is the normalised WER with its 95 % interval, by bootstrap over utterances. Raw: case and "
      "punctuation count. Del., Ins., Sub.: parts of the WER. Lost: of Del., what is missing five words or "
      "more in a row. Empty: nothing heard. Loop: words come again and again. False: of the utterances in "
      "which nothing is said, those in which words were heard. Tag: the language was named "
      "rightly, told auto. Wait: what the last word waits for its chunk, median.");
  double full = 0;
  for (const EvaluatedSetting& setting : run.settings) {
    for (const eval::Score& score : setting.scores) full = std::max(full, score.normalized_interval.high);
  }
  full = std::clamp(full, 0.01, 1.0);
  eval::Table table{
      .columns = {"Language", "Setting", "Utterances", "WER %", "Raw %", "CER %", "Del. %", "Ins. %",
                  "Sub. %", "Lost %", "Empty %", "Loop %", "False %", "Tag %", "Wait s", "Configuration"},
      .rows = {},
      .text_columns = 2};
  const bool several = run.settings.size() > 1;
  std::vector<std::string> languages;
  for (const eval::Score& score : run.settings.front().scores) languages.push_back(score.language);
  for (const std::string& language : languages) {
    for (const EvaluatedSetting& setting : run.settings) {
      for (const eval::Score& score : setting.scores) {
        if (score.language != language) continue;
        const std::string unusable = score.unusable > 0 ? fmt::format("{} unusable", score.unusable) : "";
        const eval::Interval& interval = score.normalized_interval;
        const auto figure = [&](const std::string& text) { return score.utterances > 0 ? text : "–"; };
        const auto share = [](std::optional<double> part) {
          return part ? fmt::format("{:.1f}", 100 * *part) : "–";
        };
        const eval::Cell rate = {
            percent_text(score.normalized.rate()),
            fmt::format("{}–{}", percent_text(interval.low), percent_text(interval.high)),
            bar_of(score.normalized.rate(), interval, full)};
        const bool first = &setting == &run.settings.front();
        table.rows.push_back({{several && !first ? "" : language,
                               {setting.name, fmt::format("{:.0f} ms", setting.latency_ms)},
                               {std::to_string(score.utterances), unusable},
                               score.utterances > 0 ? rate : eval::Cell("–"),
                               figure(percent_text(score.raw.rate())),
                               figure(percent_text(score.characters.rate())),
                               figure(percent_text(score.deletion_rate())),
                               figure(percent_text(score.insertion_rate())),
                               figure(percent_text(score.substitution_rate())),
                               figure(percent_text(score.lost_rate())),
                               figure(fmt::format("{:.1f}", 100 * score.empty_rate)),
                               figure(fmt::format("{:.1f}", 100 * score.loop_rate)),
                               share(score.false_text_rate),
                               share(score.language_accuracy),
                               score.final_word_lag ? fmt::format("{:.2f}", *score.final_word_lag) : "–",
                               setting.fingerprint},
                              language == eval::kAllLanguages});
      }
    }
  }
  page.add_table(table);
}

void add_latency_plot(eval::HtmlReport& page, const EvaluationRun& run) {
  std::set<double> latencies;
  for (const EvaluatedSetting& setting : run.settings) latencies.insert(setting.latency_ms);
  if (latencies.size() < 2) return;
  page.add_section("Error rate against latency",
                   "What waiting longer buys. Bands are 95 % intervals of all.");
  eval::LinePlot plot{.title = "Normalised WER by chunk length",
                      .x_label = "chunk, ms",
                      .y_label = "WER, %",
                      .series = {},
                      .log_x = true};
  std::vector<const EvaluatedSetting*> by_latency;
  for (const EvaluatedSetting& setting : run.settings) by_latency.push_back(&setting);
  std::stable_sort(by_latency.begin(), by_latency.end(),
                   [](const auto* one, const auto* other) { return one->latency_ms < other->latency_ms; });
  const std::vector<eval::Score>& named = run.settings.front().scores;
  for (auto score = named.rbegin(); score != named.rend(); ++score) {
    eval::Series series{.name = score->language, .x = {}, .y = {}, .low = {}, .high = {}};
    const bool with_band = score == named.rbegin();
    for (const EvaluatedSetting* setting : by_latency) {
      for (const eval::Score& there : setting->scores) {
        if (there.language != score->language) continue;
        series.x.push_back(setting->latency_ms);
        series.y.push_back(100 * there.normalized.rate());
        if (!with_band) continue;
        series.low.push_back(100 * there.normalized_interval.low);
        series.high.push_back(100 * there.normalized_interval.high);
      }
    }
    plot.series.push_back(std::move(series));
  }
  page.add_plot(plot);
}

void add_phrases(eval::HtmlReport& page, const EvaluationRun& run, const BaselineComparison* comparison) {
  eval::Table table{
      .columns = {"Phrase", "Setting", "Said", "Found", "Not said"}, .rows = {}, .text_columns = 2};
  if (comparison != nullptr)
    table.columns.insert(table.columns.end(), {"Baseline found", "Baseline not said"});
  for (std::size_t index = 0; index < run.settings.size(); ++index) {
    const std::vector<ComparedPhrase> phrases = comparison != nullptr
                                                    ? phrases_to_show(comparison->phrases[index])
                                                    : phrases_to_show(run.settings[index]);
    for (const auto& [hits, baseline] : phrases) {
      eval::Row row{{hits.phrase, run.settings[index].name, std::to_string(hits.said),
                     std::to_string(hits.found), std::to_string(hits.not_said)},
                    &hits == &phrases.back().system};
      if (comparison != nullptr) {
        row.cells.emplace_back(std::to_string(baseline.found));
        row.cells.emplace_back(std::to_string(baseline.not_said));
      }
      table.rows.push_back(std::move(row));
    }
  }
  if (table.rows.empty()) return;
  page.add_section(
      "Boosted phrases",
      "Said: times in the references. Found: heard in the same utterance. Not said: heard where "
      "the reference does not have it. Those most often wrong come first. Beside a baseline only "
      "the utterances count that both have.");
  page.add_table(table);
}

void add_comparison(eval::HtmlReport& page, const EvaluationRun& run, const BaselineComparison& comparison) {
  page.add_section(
      fmt::format("Beside {}", comparison.name),
      "Both on the same utterances. Below 0 this model is better; a difference whose 95 % interval "
      "(paired bootstrap) does not hold 0 is marked.");
  eval::Table table{.columns = {"Language", "Setting", "Utterances", "WER %", "Baseline %", "Difference",
                                "95 % interval", "Better in"},
                    .rows = {},
                    .text_columns = 2};
  for (const eval::Comparison& language : comparison.languages) {
    const eval::PairedDifference& paired = language.paired;
    const char* verdict = !paired.is_significant() ? "" : paired.difference < 0 ? "better" : "worse";
    table.rows.push_back(
        {{language.language,
          language.setting,
          std::to_string(language.utterances),
          percent_text(language.rate),
          percent_text(language.baseline_rate),
          {fmt::format("{:+.2f}", 100 * paired.difference), verdict},
          fmt::format("{:+.2f} to {:+.2f}", 100 * paired.interval.low, 100 * paired.interval.high),
          fmt::format("{:.0f} %", 100 * paired.first_better)},
         language.language == eval::kAllLanguages});
  }
  page.add_table(table);
  for (std::size_t index = 0; index < run.settings.size(); ++index) {
    const EvaluatedSetting& setting = run.settings[index];
    if (comparison.results[index].empty()) continue;
    std::vector<std::string> languages;
    for (const eval::Score& score : setting.scores) languages.push_back(score.language);
    eval::ForgettingMatrix matrix(languages);
    const auto baseline = eval::score_by_language(comparison.results[index], setting.name);
    matrix.add_row(fmt::format("{} {}", comparison.name, setting.name),
                   eval::rates_of(baseline, setting.name, languages));
    matrix.add_row(fmt::format("{} {}", run.model.name, setting.name),
                   eval::rates_of(setting.scores, setting.name, languages));
    page.add_matrix(matrix);
  }
}

eval::Sample sample_of(const eval::UtteranceResult& result,
                       const std::vector<std::string>& letter_languages) {
  const std::string lang = result.target_lang.empty() ? "" : result.target_lang + " · ";
  const std::string heard_as = result.language.empty() || result.language == result.target_lang
                                   ? ""
                                   : fmt::format("tagged {} · ", result.language);
  return {.heading = result.id.substr(result.id.rfind('/') + 1),
          .note = fmt::format("{}{}WER {} %", lang, heard_as, percent_text(result.normalized.rate())),
          .reference = text::strip_lang_tags(result.reference),
          .hypothesis = result.hypothesis,
          .by_letters = eval::is_of_language(result.target_lang, letter_languages)};
}

void add_samples(eval::HtmlReport& page, const EvaluationRun& run,
                 const std::vector<std::string>& letter_languages) {
  const EvaluatedSetting& setting = run.settings.front();
  std::vector<const eval::UtteranceResult*> usable;
  for (const eval::UtteranceResult& result : setting.utterances) {
    if (result.error.empty()) usable.push_back(&result);
  }
  if (usable.empty()) return;
  std::vector<eval::Sample> samples;
  const std::size_t step = std::max<std::size_t>(1, (usable.size() + kMostSamples - 1) / kMostSamples);
  for (std::size_t index = 0; index < usable.size(); index += step)
    samples.push_back(sample_of(*usable[index], letter_languages));
  page.add_section("Samples",
                   fmt::format("Evenly taken from the utterances, at {}. In each: what the model heard, "
                               "marked; below it the reference.",
                               setting_text(setting)));
  page.add_samples(samples);
  if (usable.size() <= kMostSamples) return;
  std::stable_sort(usable.begin(), usable.end(), [](const auto* one, const auto* other) {
    return one->normalized.edits() > other->normalized.edits();
  });
  samples.clear();
  for (std::size_t index = 0; index < kMostSamples && usable[index]->normalized.edits() > 0; ++index)
    samples.push_back(sample_of(*usable[index], letter_languages));
  if (samples.empty()) return;
  page.add_section("Most errors", "The utterances that cost the most words.");
  page.add_samples(samples);
}

void add_unusable(eval::HtmlReport& page, const EvaluationRun& run) {
  eval::Table table{.columns = {"Utterance", "Why"}, .rows = {}, .text_columns = 2};
  std::set<std::string> seen;
  for (const EvaluatedSetting& setting : run.settings) {
    for (const eval::UtteranceResult& result : setting.utterances) {
      if (!result.error.empty() && seen.insert(result.id).second)
        table.rows.push_back({{result.id, result.error}});
    }
  }
  if (table.rows.empty()) return;
  page.add_section("Unusable", "Not in any figure above.");
  page.add_table(table);
}

}  // namespace

std::string evaluation_page(const EvaluationRun& run, const BaselineComparison* comparison,
                            const std::vector<std::string>& letter_languages,
                            const std::vector<std::pair<std::string, std::string>>& configuration) {
  std::string settings;
  for (const EvaluatedSetting& setting : run.settings)
    settings += (settings.empty() ? "" : ", ") + setting_text(setting);
  eval::HtmlReport page(run.model.name, fmt::format("Streaming evaluation at {}", settings));
  add_figures(page, run);
  add_scores(page, run);
  add_latency_plot(page, run);
  if (comparison != nullptr) add_comparison(page, run, *comparison);
  add_phrases(page, run, comparison);
  add_samples(page, run, letter_languages);
  add_unusable(page, run);
  page.add_section(
      "Configuration",
      "The configuration beside each WER is a hash of all that it depends on: model, number formats, "
      "setting, scoring and data. Equal hashes are the same experiment.");
  page.add_configuration(configuration);
  return page.str();
}

}  // namespace glossa::cli
