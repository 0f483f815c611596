// From utterances to the figures of a corpus, and to the difference of two systems.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "eval/bootstrap.h"
#include "eval/streaming_eval.h"

namespace glossa::eval {

inline constexpr const char* kAllLanguages = "all";
inline constexpr const char* kUnknownLanguage = "unknown";

// Figures of one language at one setting. Rates are of the whole: sums of edits over sums of reference words.
struct Score {
  std::string language;         // "en-US", kUnknownLanguage or kAllLanguages
  std::string setting;          // such as "[56,3]"
  std::int64_t utterances = 0;  // scored
  std::int64_t unusable = 0;    // not scored: sound or language could not be used
  double seconds = 0;           // of sound scored

  EditCounts raw;         // WER as NeMo prints it
  EditCounts normalized;  // WER for comparing; of letters for zh, ja, th
  EditCounts characters;  // CER, of normalised texts
  Interval raw_interval;  // 95 %, bootstrap over utterances
  Interval normalized_interval;

  double empty_rate = 0;  // share of the utterances with nothing recognised though something was said
  double loop_rate = 0;   // share of the utterances in which words come again and again
  // Share of the utterances in which nothing is said where words were recognised; none without such.
  std::optional<double> false_text_rate;
  // Share of the utterances told "auto" and of known language whose tag named it ("en" is named by any
  // <en-..>), without those in which nothing is said and nothing was recognised; none without such.
  std::optional<double> language_accuracy;
  std::optional<double> final_word_lag;  // seconds, median

  // Parts of the normalised word error rate; 0 without reference words.
  double deletion_rate() const { return part(normalized.deletions); }
  double insertion_rate() const { return part(normalized.insertions); }
  double substitution_rate() const { return part(normalized.substitutions); }
  double lost_rate() const { return part(normalized.lost); }  // of the deletions, in passages

 private:
  double part(std::int64_t edits) const {
    return normalized.reference_words > 0
               ? static_cast<double>(edits) / static_cast<double>(normalized.reference_words)
               : 0.0;
  }
};

// One score per language of the utterances, in order of code, then one of all together when there is more
// than one. There, letters of zh, ja, th count like words of other languages.
std::vector<Score> score_by_language(std::span<const UtteranceResult> results, const std::string& setting);

// What two systems made of the utterances that both could use: by id, and the n-th of one id with the n-th.
// References and languages are the system's: a baseline that was scored against others (a manifest that was
// mended since) is scored anew, by letters in `letter_languages`. Equal sizes, in the system's order.
struct CommonUtterances {
  std::vector<UtteranceResult> system;
  std::vector<UtteranceResult> baseline;
};
CommonUtterances common_utterances(std::span<const UtteranceResult> system,
                                   std::span<const UtteranceResult> baseline,
                                   std::span<const std::string> letter_languages);

// Two systems on the utterances that they have in common.
struct Comparison {
  std::string language;
  std::string setting;
  std::int64_t utterances = 0;
  double rate = 0;           // normalised WER of the system, on these utterances
  double baseline_rate = 0;  // of the baseline
  PairedDifference paired;   // system less baseline
};

// Languages as in score_by_language(); those without a common utterance are left out.
std::vector<Comparison> compare_by_language(const CommonUtterances& common, const std::string& setting);

// For a row of a ForgettingMatrix: the normalised rates of `scores` at `setting`, NaN for a language without.
std::vector<double> rates_of(std::span<const Score> scores, const std::string& setting,
                             std::span<const std::string> languages);

}  // namespace glossa::eval
