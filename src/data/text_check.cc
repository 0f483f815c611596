// The text of a manifest: languages that the model knows, letters that its tokenizer can write, no tags, and
// a speed of speech that a person could have.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "base/printable.h"
#include "data/checks.h"
#include "text/lang_tag.h"
#include "text/text_style.h"
#include "text/utf8.h"

namespace glossa::data {
namespace {

constexpr double kUnwritableShare = 0.01;  // of the characters: more than that and the text cannot be learnt
constexpr std::size_t kFewestRates = 20;   // utterances of a language, to know what is usual
constexpr double kOutlierFactor = 2.5;     // times the median, at least
constexpr double kOutlierDeviations = 5;   // of the logarithm
constexpr double kShortestRated = 0.05;    // seconds: no rate below

bool contains_lang_tag(std::string_view text) {
  for (std::size_t begin = text.find('<'); begin != std::string_view::npos;
       begin = text.find('<', begin + 1)) {
    const std::size_t end = text.find('>', begin);
    if (end != std::string_view::npos && text::is_lang_tag(text.substr(begin, end + 1 - begin))) return true;
  }
  return false;
}

// Characters that become the unknown token, each with its count.
class UnwritableCharacters {
 public:
  explicit UnwritableCharacters(const text::SentencePiece& tokenizer) : tokenizer_(tokenizer) {}

  void look_at(const std::string& text, int line) {
    characters_ += text::count_code_points(text);
    if (!has_unknown(text)) return;
    std::set<std::string> found;
    std::int64_t unwritable = 0;
    for (std::string_view rest = text; !rest.empty();) {
      const std::string character(rest.substr(0, text::first_code_point(rest).size));
      rest.remove_prefix(character.size());
      if (writable(character)) continue;
      Use& use = uses_[character];
      ++use.count;
      ++unwritable;
      if (found.insert(character).second && use.lines++ == 0) use.first_line = line;
    }
    unwritable_ += unwritable;
  }

  void report(Findings& findings) const {
    std::vector<std::pair<std::string, Use>> ordered(uses_.begin(), uses_.end());
    std::stable_sort(ordered.begin(), ordered.end(),
                     [](const auto& a, const auto& b) { return a.second.count > b.second.count; });
    for (const auto& [character, use] : ordered) {
      findings.warning("unwritable-letter", use.first_line,
                       fmt::format("'{}' (U+{:04X}): {} times in {} lines, this is the first", character,
                                   static_cast<std::uint32_t>(text::first_code_point(character).value),
                                   use.count, use.lines));
    }
    if (static_cast<double>(unwritable_) > kUnwritableShare * static_cast<double>(characters_)) {
      findings.manifest_error(
          "unwritable-text",
          fmt::format("the tokenizer cannot write {} of {} characters ({:.1f} %): a model cannot learn them",
                      unwritable_, characters_,
                      100 * static_cast<double>(unwritable_) / static_cast<double>(characters_)));
    }
  }

 private:
  struct Use {
    std::int64_t count = 0;
    std::int64_t lines = 0;
    int first_line = 0;
  };

  bool has_unknown(const std::string& text) const {
    const auto ids = tokenizer_.encode(text);
    return std::find(ids.begin(), ids.end(), tokenizer_.unk_id()) != ids.end();
  }

  bool writable(const std::string& character) {
    const auto known = writable_.find(character);
    if (known != writable_.end()) return known->second;
    return writable_[character] = !has_unknown(character);
  }

  const text::SentencePiece& tokenizer_;
  std::map<std::string, bool> writable_;
  std::map<std::string, Use> uses_;
  std::int64_t characters_ = 0;
  std::int64_t unwritable_ = 0;
};

struct Rate {
  int line = 0;
  double per_second = 0;
};

double median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

// The logarithm of the rate, because twice as fast is as odd as half as fast.
void report_outliers(const std::string& lang, const std::vector<Rate>& rates, const char* unit,
                     Findings& findings) {
  if (rates.size() < kFewestRates) return;
  std::vector<double> logs;
  for (const Rate& rate : rates) logs.push_back(std::log(rate.per_second));
  const double middle = median(logs);
  std::vector<double> deviations;
  for (const double value : logs) deviations.push_back(std::abs(value - middle));
  const double allowed = std::max(std::log(kOutlierFactor), kOutlierDeviations * 1.4826 * median(deviations));
  for (std::size_t index = 0; index < rates.size(); ++index) {
    if (deviations[index] <= allowed) continue;
    findings.warning(
        "odd-speed", rates[index].line,
        fmt::format("{:.1f} {} a second ({} has {:.1f}): too much or too little text for this sound",
                    rates[index].per_second, unit, lang.empty() ? "this manifest" : lang, std::exp(middle)));
  }
}

}  // namespace

void check_languages(const CheckInput& input, std::size_t manifest, Findings& findings) {
  const CheckOptions& options = input.options;
  if (!options.language_needed) return;
  const auto& lines = input.manifests[manifest].lines;
  for (std::size_t index = 0; index < lines.size(); ++index) {
    if (!lines[index].entry) continue;
    const int line = lines[index].line;
    const std::string lang = lines[index].entry->target_lang.value_or("");
    if (lang.empty()) {
      if (options.default_language) {
        findings.fixable_error("missing-language", index, line,
                               fmt::format("no target_lang (becomes {})", *options.default_language),
                               {"target_lang", json_string(*options.default_language)});
      } else {
        findings.error("missing-language", index, line, "no target_lang");
      }
      continue;
    }
    if (!options.judge_language) continue;
    const LanguageJudgement judgement = options.judge_language(lang);
    if (!judgement.known) {
      findings.error("unknown-language", index, line, judgement.message);
    } else if (judgement.code != lang) {
      findings.fixable_warning("language-spelling", index, line,
                               fmt::format("{} is {} in the model", printable(lang), judgement.code),
                               {"target_lang", json_string(judgement.code)});
    }
  }
}

void check_text(const CheckInput& input, std::size_t manifest, Findings& findings) {
  const text::SentencePiece* tokenizer = input.options.tokenizer;
  std::optional<UnwritableCharacters> characters;
  if (tokenizer != nullptr) characters.emplace(*tokenizer);
  std::map<std::string, std::vector<Rate>> rates;  // by language
  const auto& lines = input.manifests[manifest].lines;
  for (std::size_t index = 0; index < lines.size(); ++index) {
    if (!lines[index].entry) continue;
    const ManifestEntry& entry = *lines[index].entry;
    if (!entry.text) {
      findings.error("missing-text", index, entry.line, "no text");
      continue;
    }
    const std::string& text = *entry.text;
    if (text.find_first_not_of(" \t\r\n") == std::string::npos) {
      findings.warning("empty-text", entry.line, "an empty text: the model learns to be silent here");
      continue;
    }
    if (contains_lang_tag(text)) {
      findings.warning("tag-in-text", entry.line, printable(text));
    }
    const std::string without_tags = text::strip_lang_tags(text);
    if (characters) characters->look_at(without_tags, entry.line);
    const double seconds = seconds_of(lines[index], input.survey.facts(manifest, index));
    if (seconds < kShortestRated) continue;
    const auto units = tokenizer != nullptr
                           ? static_cast<std::int64_t>(tokenizer->encode(without_tags).size())
                           : text::count_code_points(without_tags);
    if (units > 0) {
      rates[entry.target_lang.value_or("")].push_back({entry.line, static_cast<double>(units) / seconds});
    }
  }
  if (characters) characters->report(findings);
  for (const auto& [lang, of_language] : rates) {
    report_outliers(lang, of_language, tokenizer != nullptr ? "tokens" : "characters", findings);
  }
}

}  // namespace glossa::data
