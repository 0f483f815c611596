#include "cli/evaluation_output.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <functional>
#include <nlohmann/json.hpp>
#include <optional>

#include "base/fail.h"
#include "base/number_formats.h"
#include "base/printable.h"
#include "text/json_text.h"
#include "text/utf8.h"

namespace glossa::cli {
namespace {

using nlohmann::ordered_json;

constexpr std::size_t kMostPhrasesShown = 50;

std::string percent_of(double rate) {
  return std::isfinite(rate) ? fmt::format("{:.2f}", 100 * rate) : "inf";
}

std::string interval_of(const eval::Interval& interval, bool sign = false) {
  return sign ? fmt::format("{:+.2f}..{:+.2f}", 100 * interval.low, 100 * interval.high)
              : fmt::format("{:.2f}..{:.2f}", 100 * interval.low, 100 * interval.high);
}

// Columns as wide as their widest cell; the first `left` are left-aligned.
std::string aligned(const std::vector<std::vector<std::string>>& lines, std::size_t left) {
  std::vector<std::size_t> widths(lines.front().size());
  for (const auto& line : lines) {
    for (std::size_t column = 0; column < line.size(); ++column)
      widths[column] = std::max(widths[column], text::count_characters(line[column]));
  }
  std::string text;
  for (const auto& line : lines) {
    std::string row;
    for (std::size_t column = 0; column < line.size(); ++column) {
      if (column > 0) row += "  ";
      const std::string spaces(widths[column] - text::count_characters(line[column]), ' ');
      row += column < left ? line[column] + spaces : spaces + line[column];
    }
    row.erase(row.find_last_not_of(' ') + 1);
    text += row + "\n";
  }
  return text;
}

// JSON knows neither infinity nor NaN.
ordered_json number(double value) {
  return std::isfinite(value) ? ordered_json(value) : ordered_json(nullptr);
}

ordered_json to_json(const eval::EditCounts& edits) {
  return {{"substitutions", edits.substitutions},
          {"deletions", edits.deletions},
          {"insertions", edits.insertions},
          {"reference", edits.reference_words}};
}

ordered_json to_json(const eval::Interval& interval) { return {interval.low, interval.high}; }

ordered_json number(std::optional<double> value) { return value ? number(*value) : ordered_json(nullptr); }

ordered_json to_json(const eval::Score& score) {
  ordered_json json = {{"language", score.language},
                       {"utterances", score.utterances},
                       {"unusable", score.unusable},
                       {"seconds", score.seconds},
                       {"wer", number(score.normalized.rate())},
                       {"wer_interval", to_json(score.normalized_interval)},
                       {"wer_raw", number(score.raw.rate())},
                       {"wer_raw_interval", to_json(score.raw_interval)},
                       {"cer", number(score.characters.rate())},
                       {"deletion_rate", score.deletion_rate()},
                       {"insertion_rate", score.insertion_rate()},
                       {"substitution_rate", score.substitution_rate()},
                       {"lost_rate", score.lost_rate()},
                       {"empty_rate", score.empty_rate},
                       {"loop_rate", score.loop_rate},
                       {"false_text_rate", number(score.false_text_rate)},
                       {"language_accuracy", number(score.language_accuracy)},
                       {"final_word_lag", number(score.final_word_lag)},
                       {"edits", to_json(score.normalized)}};
  json["edits"]["lost"] = score.normalized.lost;
  if (score.utterances > 0) return json;
  for (const char* rate : {"wer", "wer_interval", "wer_raw", "wer_raw_interval", "cer", "deletion_rate",
                           "insertion_rate", "substitution_rate", "lost_rate", "empty_rate", "loop_rate"})
    json[rate] = nullptr;  // of nothing
  return json;
}

ordered_json to_json(const EvaluatedSetting& setting, const eval::UtteranceResult& result) {
  ordered_json json = {{"id", result.id},
                       {"att_context_size", {setting.context.left, setting.context.right}},
                       {"target_lang", result.target_lang},
                       {"text", result.reference}};
  if (!result.error.empty()) {
    json["error"] = result.error;
    return json;
  }
  const ordered_json lag =
      result.final_word_lag ? ordered_json(*result.final_word_lag) : ordered_json(nullptr);
  json.update({{"pred_text", result.hypothesis},
               {"pred_text_tagged", result.raw_hypothesis},
               {"prompt_lang", result.prompt_lang},
               {"pred_lang", result.language},
               {"duration", result.seconds},
               {"wer", number(result.normalized.rate())},
               {"wer_raw", number(result.raw.rate())},
               {"cer", number(result.characters.rate())},
               {"edits", to_json(result.normalized)},
               {"edits_raw", to_json(result.raw)},
               {"edits_characters", to_json(result.characters)},
               {"loops", result.loops},
               {"final_word_lag", lag},
               {"configuration", setting.fingerprint}});
  json["edits"]["lost"] = result.normalized.lost;
  return json;
}

ordered_json to_json(const eval::PhraseHits& phrase) {
  return {{"phrase", phrase.phrase},
          {"said", phrase.said},
          {"found", phrase.found},
          {"not_said", phrase.not_said}};
}

// What a table shows of a language without an utterance that could be used.
constexpr const char* kNoFigure = "-";

std::vector<std::string> cells_of(const EvaluatedSetting& setting, const eval::Score& score) {
  std::vector<std::string> cells = {setting.name,
                                    score.language,
                                    std::to_string(score.utterances),
                                    percent_of(score.normalized.rate()),
                                    interval_of(score.normalized_interval),
                                    percent_of(score.raw.rate()),
                                    percent_of(score.characters.rate()),
                                    percent_of(score.deletion_rate()),
                                    percent_of(score.insertion_rate()),
                                    percent_of(score.substitution_rate()),
                                    percent_of(score.lost_rate()),
                                    fmt::format("{:.1f}", 100 * score.empty_rate),
                                    fmt::format("{:.1f}", 100 * score.loop_rate)};
  if (score.utterances == 0) std::fill(cells.begin() + 3, cells.end(), kNoFigure);
  const auto share = [](std::optional<double> part) {
    return part ? fmt::format("{:.1f}", 100 * *part) : kNoFigure;
  };
  cells.push_back(share(score.false_text_rate));
  cells.push_back(share(score.language_accuracy));
  cells.push_back(score.final_word_lag ? fmt::format("{:.2f}", *score.final_word_lag) : kNoFigure);
  cells.push_back(setting.fingerprint);
  return cells;
}

std::string text_of(const ordered_json& json) { return text::json_text(json) + "\n"; }

}  // namespace

BaselineComparison compare(const EvaluationRun& run, std::string name,
                           std::vector<std::vector<eval::UtteranceResult>> baseline,
                           std::span<const std::string> letter_languages) {
  BaselineComparison comparison{std::move(name), {}, std::move(baseline), {}};
  for (std::size_t index = 0; index < run.settings.size(); ++index) {
    const EvaluatedSetting& setting = run.settings[index];
    const eval::CommonUtterances common =
        eval::common_utterances(setting.utterances, comparison.results[index], letter_languages);
    const auto languages = eval::compare_by_language(common, setting.name);
    comparison.languages.insert(comparison.languages.end(), languages.begin(), languages.end());
    std::vector<std::string> phrases;
    for (const eval::PhraseHits& phrase : setting.phrases) phrases.push_back(phrase.phrase);
    const auto hits = eval::count_phrases(common.system, phrases, letter_languages);
    const auto baseline_hits = eval::count_phrases(common.baseline, phrases, letter_languages);
    auto& compared = comparison.phrases.emplace_back();
    for (std::size_t at = 0; at < phrases.size(); ++at) compared.push_back({hits[at], baseline_hits[at]});
  }
  return comparison;
}

std::string format_scores(const EvaluationRun& run) {
  std::vector<std::vector<std::string>> lines = {
      {"setting", "language", "utts", "WER%", "95% of WER", "raw WER%", "CER%", "del%", "ins%", "sub%",
       "lost%", "empty%", "loop%", "false%", "lang%", "lag s", "configuration"}};
  for (const EvaluatedSetting& setting : run.settings) {
    for (const eval::Score& score : setting.scores) lines.push_back(cells_of(setting, score));
  }
  return aligned(lines, 2);
}

std::vector<ComparedPhrase> phrases_to_show(std::vector<ComparedPhrase> phrases) {
  if (phrases.empty()) return {};
  const std::size_t count = phrases.size();
  ComparedPhrase all;
  for (const ComparedPhrase& phrase : phrases) {
    all.system += phrase.system;
    all.baseline += phrase.baseline;
  }
  std::erase_if(phrases, [](const ComparedPhrase& phrase) {
    return phrase.system.said + phrase.system.not_said + phrase.baseline.not_said == 0;
  });
  const auto wrong = [](const ComparedPhrase& phrase) {
    return phrase.system.said - phrase.system.found + phrase.system.not_said;
  };
  std::ranges::stable_sort(phrases, std::greater(), wrong);
  if (phrases.size() > kMostPhrasesShown) phrases.resize(kMostPhrasesShown);
  all.system.phrase = fmt::format("all {}, {} shown", count, phrases.size());
  phrases.push_back(std::move(all));
  return phrases;
}

std::vector<ComparedPhrase> phrases_to_show(const EvaluatedSetting& setting) {
  std::vector<ComparedPhrase> phrases;
  for (const eval::PhraseHits& phrase : setting.phrases) phrases.push_back({phrase, {}});
  return phrases_to_show(std::move(phrases));
}

std::string format_phrases(const EvaluationRun& run) {
  std::vector<std::vector<std::string>> lines = {{"setting", "boosted phrase", "said", "found", "not said"}};
  for (const EvaluatedSetting& setting : run.settings) {
    for (const auto& [hits, none] : phrases_to_show(setting)) {
      lines.push_back({setting.name, printable(hits.phrase), std::to_string(hits.said),
                       std::to_string(hits.found), std::to_string(hits.not_said)});
    }
  }
  return lines.size() > 1 ? "\n" + aligned(lines, 2) : "";
}

std::string format_comparison(const BaselineComparison& comparison) {
  std::vector<std::vector<std::string>> lines = {
      {"setting", "language", "utts", "WER%", "baseline%", "difference", "95% of difference", "better%"}};
  for (const eval::Comparison& language : comparison.languages) {
    lines.push_back({language.setting, language.language, std::to_string(language.utterances),
                     percent_of(language.rate), percent_of(language.baseline_rate),
                     fmt::format("{:+.2f}", 100 * language.paired.difference),
                     interval_of(language.paired.interval, /*sign=*/true),
                     fmt::format("{:.0f}", 100 * language.paired.first_better)});
  }
  return fmt::format("\nbeside {}\n", comparison.name) + aligned(lines, 2);
}

std::string format_phrases(const EvaluationRun& run, const BaselineComparison& comparison) {
  std::vector<std::vector<std::string>> lines = {
      {"setting", "boosted phrase", "said", "found", "baseline", "not said", "baseline"}};
  for (std::size_t index = 0; index < run.settings.size(); ++index) {
    for (const auto& [hits, baseline] : phrases_to_show(comparison.phrases[index])) {
      lines.push_back({run.settings[index].name, printable(hits.phrase), std::to_string(hits.said),
                       std::to_string(hits.found), std::to_string(baseline.found),
                       std::to_string(hits.not_said), std::to_string(baseline.not_said)});
    }
  }
  return lines.size() > 1 ? "\n" + aligned(lines, 2) : "";
}

std::string evaluation_json(const EvaluationRun& run, const BaselineComparison* comparison) {
  ordered_json json = {{"model",
                        {{"name", run.model.name},
                         {"parameters", run.model.parameters},
                         {"weights", name_of(run.model.weights)},
                         {"kv_cache", name_of(run.model.kv_cache)},
                         {"backend", run.model.backend}}},
                       {"settings", ordered_json::array()}};
  for (const EvaluatedSetting& setting : run.settings) {
    ordered_json scores = ordered_json::array();
    for (const eval::Score& score : setting.scores) scores.push_back(to_json(score));
    ordered_json one = {{"att_context_size", {setting.context.left, setting.context.right}},
                        {"latency_ms", setting.latency_ms},
                        {"configuration", setting.fingerprint},
                        {"processing_seconds", setting.processing_seconds},
                        {"scores", scores}};
    for (const eval::PhraseHits& phrase : setting.phrases) one["boosted_phrases"].push_back(to_json(phrase));
    json["settings"].push_back(std::move(one));
  }
  if (comparison != nullptr) {
    ordered_json languages = ordered_json::array();
    for (const eval::Comparison& language : comparison->languages) {
      languages.push_back({{"setting", language.setting},
                           {"language", language.language},
                           {"utterances", language.utterances},
                           {"wer", number(language.rate)},
                           {"baseline_wer", number(language.baseline_rate)},
                           {"difference", language.paired.difference},
                           {"difference_interval", to_json(language.paired.interval)},
                           {"better", language.paired.first_better}});
    }
    json["baseline"] = {{"name", comparison->name}, {"differences", languages}};
    for (std::size_t index = 0; index < run.settings.size(); ++index) {
      for (const auto& [hits, baseline] : comparison->phrases[index]) {
        ordered_json phrase = to_json(hits);
        phrase["setting"] = run.settings[index].name;
        phrase["baseline_found"] = baseline.found;
        phrase["baseline_not_said"] = baseline.not_said;
        json["baseline"]["boosted_phrases"].push_back(std::move(phrase));
      }
    }
  }
  return text_of(json);
}

void write_results(const EvaluationRun& run, const std::filesystem::path& path) {
  std::ofstream file(path, std::ios::binary);
  for (const EvaluatedSetting& setting : run.settings) {
    for (const eval::UtteranceResult& result : setting.utterances) file << text_of(to_json(setting, result));
  }
  if (!file.flush()) fail_bad_input("{}: cannot write the file", path.string());
}

std::vector<std::pair<std::string, eval::UtteranceResult>> read_results(
    const std::filesystem::path& path, std::span<const std::string> letter_languages) {
  std::ifstream file(path, std::ios::binary);
  if (!file) fail_bad_input("{}: cannot read the file (expected results of glossa evaluate)", path.string());
  std::vector<std::pair<std::string, eval::UtteranceResult>> results;
  std::string line;
  for (int number = 1; std::getline(file, line); ++number) {
    if (line.find_first_not_of(" \t\r") == std::string::npos) continue;
    try {
      const auto json = nlohmann::json::parse(line);
      const auto context = json.at("att_context_size").get<std::vector<int>>();
      eval::UtteranceResult result;
      result.id = json.at("id");
      result.reference = json.at("text");
      result.target_lang = json.value("target_lang", "");
      result.error = json.value("error", "");
      if (result.error.empty()) {
        result.hypothesis = json.at("pred_text");
        eval::score_texts(result, letter_languages);
      }
      results.emplace_back(fmt::format("[{},{}]", context.at(0), context.at(1)), std::move(result));
    } catch (const std::exception& error) {
      if (dynamic_cast<const Error*>(&error) != nullptr) throw;
      fail_bad_input(
          "{}:{}: not a result of glossa evaluate (expected JSON with id, att_context_size, text, "
          "pred_text; {})",
          path.string(), number, error.what());
    }
  }
  if (!file.eof()) fail_bad_input("{}: cannot read the file", path.string());
  return results;
}

}  // namespace glossa::cli
