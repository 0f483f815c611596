// What `evaluate` writes: tables for a terminal, JSON for programs, a page for people.
#pragma once

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "cli/evaluation.h"

namespace glossa::cli {

// A boosted phrase in what two systems heard of the same utterances; no hits where there is no baseline.
struct ComparedPhrase {
  eval::PhraseHits system;
  eval::PhraseHits baseline;
};

// A run beside another system on the same utterances.
struct BaselineComparison {
  std::string name;                         // of the baseline
  std::vector<eval::Comparison> languages;  // in order of setting, then language
  // Results of the baseline at each setting of the run, empty where it has none.
  std::vector<std::vector<eval::UtteranceResult>> results;
  std::vector<std::vector<ComparedPhrase>> phrases;  // those of the run, at each of its settings
};

BaselineComparison compare(const EvaluationRun& run, std::string name,
                           std::vector<std::vector<eval::UtteranceResult>> baseline,
                           std::span<const std::string> letter_languages);

// Aligned text: a line per setting and language.
std::string format_scores(const EvaluationRun& run);
std::string format_comparison(const BaselineComparison& comparison);
// A line per setting and boosted phrase that was said or heard; nothing where none is boosted.
std::string format_phrases(const EvaluationRun& run);
// The same beside the baseline's, of the utterances that both have.
std::string format_phrases(const EvaluationRun& run, const BaselineComparison& comparison);

// The phrases that were said or heard, those first that the system has wrong most often, fifty at most;
// behind them "all N, M shown", the sum of all. Empty: none is boosted.
std::vector<ComparedPhrase> phrases_to_show(std::vector<ComparedPhrase> phrases);
std::vector<ComparedPhrase> phrases_to_show(const EvaluatedSetting& setting);

// One object: model, settings with their scores, and the comparison unless it is null. Rates are parts of 1.
std::string evaluation_json(const EvaluationRun& run, const BaselineComparison* comparison);

// One object a line for every setting and utterance: id, att_context_size, target_lang, text, pred_text,
// edits, and more. Error kBadInput when the file cannot be written.
void write_results(const EvaluationRun& run, const std::filesystem::path& path);

// Results of an earlier run by setting name, their edits counted anew from text and pred_text. Error
// kBadInput names the line that is none.
std::vector<std::pair<std::string, eval::UtteranceResult>> read_results(
    const std::filesystem::path& path, std::span<const std::string> letter_languages);

// The page. `comparison` may be null; `configuration` is shown as it is.
std::string evaluation_page(const EvaluationRun& run, const BaselineComparison* comparison,
                            const std::vector<std::string>& letter_languages,
                            const std::vector<std::pair<std::string, std::string>>& configuration);

}  // namespace glossa::cli
