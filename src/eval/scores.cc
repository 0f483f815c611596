#include "eval/scores.h"

#include <algorithm>
#include <deque>
#include <limits>
#include <map>
#include <unordered_map>
#include <utility>

namespace glossa::eval {
namespace {

std::string language_of(const UtteranceResult& result) {
  return result.target_lang.empty() ? kUnknownLanguage : result.target_lang;
}

RateSample sample_of(const EditCounts& edits) {
  return {static_cast<double>(edits.edits()), static_cast<double>(edits.reference_words)};
}

// A tag "en-US" names the language "en-US", and "en".
bool names(std::string_view tag, std::string_view language) {
  const bool has_region = language.find('-') != std::string_view::npos;
  return tag == language || (!has_region && tag.substr(0, tag.find('-')) == language);
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const std::size_t middle = values.size() / 2;
  return values.size() % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
}

class Tally {
 public:
  void add(const UtteranceResult& result) {
    if (!result.error.empty()) {
      ++score_.unusable;
      return;
    }
    ++score_.utterances;
    score_.seconds += result.seconds;
    score_.raw += result.raw;
    score_.normalized += result.normalized;
    score_.characters += result.characters;
    raw_.push_back(sample_of(result.raw));
    normalized_.push_back(sample_of(result.normalized));
    if (result.empty_output) ++empty_;
    if (result.loops) ++loops_;
    if (result.final_word_lag) lags_.push_back(*result.final_word_lag);
    const bool is_silence = result.normalized.reference_words == 0;
    const bool has_text = result.normalized.edits() > 0;
    if (is_silence) ++silences_;
    if (is_silence && has_text) ++false_texts_;
    const bool says_nothing = is_silence && !has_text;  // in no language
    if (result.prompt_lang == "auto" && !result.target_lang.empty() && !says_nothing) {
      ++guessed_;
      if (names(result.language, result.target_lang)) ++guessed_right_;
    }
  }

  Score score(const std::string& language, const std::string& setting) const {
    Score score = score_;
    score.language = language;
    score.setting = setting;
    score.raw_interval = bootstrap_interval(raw_);
    score.normalized_interval = bootstrap_interval(normalized_);
    if (score.utterances > 0) {
      score.empty_rate = static_cast<double>(empty_) / static_cast<double>(score.utterances);
      score.loop_rate = static_cast<double>(loops_) / static_cast<double>(score.utterances);
    }
    if (silences_ > 0)
      score.false_text_rate = static_cast<double>(false_texts_) / static_cast<double>(silences_);
    if (guessed_ > 0)
      score.language_accuracy = static_cast<double>(guessed_right_) / static_cast<double>(guessed_);
    if (!lags_.empty()) score.final_word_lag = median(lags_);
    return score;
  }

 private:
  Score score_;
  std::vector<RateSample> raw_;
  std::vector<RateSample> normalized_;
  std::vector<double> lags_;
  std::int64_t empty_ = 0;
  std::int64_t loops_ = 0;
  std::int64_t silences_ = 0;
  std::int64_t false_texts_ = 0;
  std::int64_t guessed_ = 0;
  std::int64_t guessed_right_ = 0;
};

}  // namespace

std::vector<Score> score_by_language(std::span<const UtteranceResult> results, const std::string& setting) {
  std::map<std::string, Tally> languages;
  Tally all;
  for (const UtteranceResult& result : results) {
    languages[language_of(result)].add(result);
    all.add(result);
  }
  std::vector<Score> scores;
  for (const auto& [language, tally] : languages) scores.push_back(tally.score(language, setting));
  if (languages.size() > 1) scores.push_back(all.score(kAllLanguages, setting));
  return scores;
}

CommonUtterances common_utterances(std::span<const UtteranceResult> system,
                                   std::span<const UtteranceResult> baseline,
                                   std::span<const std::string> letter_languages) {
  std::unordered_map<std::string_view, std::deque<const UtteranceResult*>> by_id;
  for (const UtteranceResult& result : baseline) by_id[result.id].push_back(&result);
  CommonUtterances common;
  for (const UtteranceResult& result : system) {
    const auto found = by_id.find(result.id);
    if (found == by_id.end() || found->second.empty()) continue;
    UtteranceResult other = *found->second.front();
    found->second.pop_front();
    if (!result.error.empty() || !other.error.empty()) continue;
    if (other.reference != result.reference || other.target_lang != result.target_lang) {
      other.reference = result.reference;
      other.target_lang = result.target_lang;
      score_texts(other, letter_languages);
    }
    common.system.push_back(result);
    common.baseline.push_back(std::move(other));
  }
  return common;
}

std::vector<Comparison> compare_by_language(const CommonUtterances& common, const std::string& setting) {
  struct Pairs {
    std::vector<RateSample> system;
    std::vector<RateSample> baseline;
    EditCounts system_edits;
    EditCounts baseline_edits;
    void add(const UtteranceResult& one, const UtteranceResult& other) {
      system.push_back(sample_of(one.normalized));
      baseline.push_back(sample_of(other.normalized));
      system_edits += one.normalized;
      baseline_edits += other.normalized;
    }
  };
  std::map<std::string, Pairs> languages;
  Pairs all;
  for (std::size_t index = 0; index < common.system.size(); ++index) {
    const UtteranceResult& result = common.system[index];
    languages[language_of(result)].add(result, common.baseline[index]);
    all.add(result, common.baseline[index]);
  }
  std::vector<Comparison> comparisons;
  const auto append = [&](const std::string& language, const Pairs& pairs) {
    comparisons.push_back({.language = language,
                           .setting = setting,
                           .utterances = static_cast<std::int64_t>(pairs.system.size()),
                           .rate = pairs.system_edits.rate(),
                           .baseline_rate = pairs.baseline_edits.rate(),
                           .paired = bootstrap_difference(pairs.system, pairs.baseline)});
  };
  for (const auto& [language, pairs] : languages) append(language, pairs);
  if (languages.size() > 1) append(kAllLanguages, all);
  return comparisons;
}

std::vector<double> rates_of(std::span<const Score> scores, const std::string& setting,
                             std::span<const std::string> languages) {
  std::vector<double> rates(languages.size(), std::numeric_limits<double>::quiet_NaN());
  for (const Score& score : scores) {
    if (score.setting != setting || score.utterances == 0) continue;
    const auto found = std::find(languages.begin(), languages.end(), score.language);
    if (found != languages.end())
      rates[static_cast<std::size_t>(found - languages.begin())] = score.normalized.rate();
  }
  return rates;
}

}  // namespace glossa::eval
