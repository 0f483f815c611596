#include "eval/phrase_hits.h"

#include <algorithm>
#include <map>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "eval/text_normalizer.h"
#include "text/lang_tag.h"
#include "text/utf8.h"

namespace glossa::eval {
namespace {

using Words = std::vector<std::string>;
using Times = std::unordered_map<std::size_t, std::int64_t>;  // by the phrase's index

// `by_letters`: all but ASCII is a word of its own.
Words words_of(std::string_view text, const std::string& lang, bool by_letters) {
  const std::string scored = normalize_for_scoring(text, lang, {});
  Words words;
  bool continues = false;
  for (std::string_view left = scored; !left.empty();) {
    const text::CodePoint character = text::first_code_point(left);
    const bool is_alone = by_letters && character.value > 0x7F;
    if (text::is_space(character.value)) {
      continues = false;
    } else if (continues && !is_alone) {
      words.back() += left.substr(0, character.size);
    } else {
      words.emplace_back(left.substr(0, character.size));
      continues = !is_alone;
    }
    left.remove_prefix(character.size);
  }
  return words;
}

// The phrases as texts of one language have them, by their first word.
class PhraseFinder {
 public:
  PhraseFinder(std::span<const std::string> phrases, const std::string& lang,
               std::span<const std::string> letter_languages)
      : lang_(lang), by_letters_(is_of_language(lang, letter_languages)) {
    for (std::size_t index = 0; index < phrases.size(); ++index) {
      Words words = words_of(phrases[index], lang_, by_letters_);
      if (words.empty()) continue;
      std::vector<Phrase>& alike = by_first_word_[words.front()];
      if (std::ranges::find(alike, words, &Phrase::words) == alike.end())
        alike.push_back({index, std::move(words)});
    }
  }

  // Those that are not in the text have no entry. What overlaps itself ("ha ha" in "ha ha ha") counts once.
  Times count(std::string_view text) const {
    const Words words = words_of(text, lang_, by_letters_);
    Times times;
    std::unordered_map<std::size_t, std::size_t> ends;  // of the last one
    for (std::size_t at = 0; at < words.size(); ++at) {
      const auto found = by_first_word_.find(words[at]);
      if (found == by_first_word_.end()) continue;
      for (const Phrase& phrase : found->second) {
        const auto rest = std::span(words).subspan(at);
        if (phrase.words.size() > rest.size() || ends[phrase.index] > at) continue;
        if (!std::ranges::equal(phrase.words, rest.first(phrase.words.size()))) continue;
        ends[phrase.index] = at + phrase.words.size();
        ++times[phrase.index];
      }
    }
    return times;
  }

 private:
  struct Phrase {
    std::size_t index = 0;
    Words words;
  };
  std::string lang_;
  bool by_letters_;
  std::unordered_map<std::string, std::vector<Phrase>> by_first_word_;
};

}  // namespace

PhraseHits& PhraseHits::operator+=(const PhraseHits& other) {
  said += other.said;
  found += other.found;
  not_said += other.not_said;
  return *this;
}

std::vector<PhraseHits> count_phrases(std::span<const UtteranceResult> results,
                                      std::span<const std::string> phrases,
                                      std::span<const std::string> letter_languages) {
  std::vector<PhraseHits> hits;
  for (const std::string& phrase : phrases) hits.push_back({.phrase = phrase});
  if (hits.empty()) return hits;
  std::map<std::string, PhraseFinder> finders;  // by language
  for (const UtteranceResult& result : results) {
    if (!result.error.empty()) continue;
    const std::string& lang = result.target_lang;
    auto finder = finders.find(lang);
    if (finder == finders.end())
      finder = finders.emplace(lang, PhraseFinder(phrases, lang, letter_languages)).first;
    const Times said = finder->second.count(text::strip_lang_tags(result.reference));
    const Times heard = finder->second.count(result.hypothesis);
    for (const auto& [index, times] : said) hits[index].said += times;
    for (const auto& [index, times] : heard) {
      const auto there = said.find(index);
      const std::int64_t found = std::min(times, there == said.end() ? 0 : there->second);
      hits[index].found += found;
      hits[index].not_said += times - found;
    }
  }
  return hits;
}

}  // namespace glossa::eval
