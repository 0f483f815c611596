#include "text/sentence_ends.h"

#include <unicode/uchar.h>
#include <unicode/unorm2.h>
#include <unicode/uscript.h>

#include <algorithm>
#include <iterator>

#include "text/utf8.h"

namespace glossa::text {
namespace {

// Marks after which white space or the end closes a sentence.
constexpr char32_t kSpacedTerminators[] = {U'.',   U'?',   U'!',   0x0964, 0x0965, 0x061F, 0x06D4,
                                           0x203C, 0x2047, 0x1362, 0x1367, 0x0589, 0x2026, 0x17D4};
// Marks of scripts that write no space behind them.
constexpr char32_t kWideTerminators[] = {0x3002, 0xFF01, 0xFF1F, 0xFF0E, 0xFF61};
constexpr char32_t kClosing[] = {U'"', U'\'', U')', U']', 0xBB, 0x201D, 0x2019, 0x300D, 0x300F, 0xFF09};
constexpr char32_t kGreekQuestionMarks[] = {U';', 0x037E};
constexpr int kMostConsonants = 3;  // of an abbreviation

template <std::size_t count>
bool is_one_of(const char32_t (&marks)[count], char32_t character) {
  return std::find(std::begin(marks), std::end(marks), character) != std::end(marks);
}

// Of Latin script, with or without an accent; y counts.
bool is_vowel(char32_t letter) {
  auto base = static_cast<UChar32>(letter);
  UErrorCode error = U_ZERO_ERROR;
  UChar decomposed[8] = {};
  const UNormalizer2* nfd = unorm2_getNFDInstance(&error);
  if (U_SUCCESS(error) && unorm2_getDecomposition(nfd, base, decomposed, 8, &error) > 0) base = decomposed[0];
  return std::u32string_view(U"aeiouyæœøı").find(static_cast<char32_t>(u_tolower(base))) !=
         std::u32string_view::npos;
}

UScriptCode script_of(char32_t letter) {
  UErrorCode error = U_ZERO_ERROR;
  return uscript_getScript(static_cast<UChar32>(letter), &error);
}

// Of scripts whose sentences begin with capitals: in Georgian's all letters are lower case.
bool has_capitals(char32_t letter) {
  const UScriptCode script = script_of(letter);
  return script == USCRIPT_LATIN || script == USCRIPT_GREEK || script == USCRIPT_CYRILLIC ||
         script == USCRIPT_ARMENIAN;
}

bool may_be_abbreviated(std::string_view word) {
  int letters = 0;
  int digits = 0;
  bool only_consonants = true;  // of Latin script
  bool may_be_initial = true;   // a syllable of Korean is a word
  for (std::size_t at = 0; at < word.size();) {
    const CodePoint character = first_code_point(word.substr(at));
    at += character.size;
    const auto value = static_cast<UChar32>(character.value);
    digits += u_isdigit(value) ? 1 : 0;
    if (!u_isalpha(value)) continue;
    ++letters;
    only_consonants =
        only_consonants && script_of(character.value) == USCRIPT_LATIN && !is_vowel(character.value);
    may_be_initial = may_be_initial && has_capitals(character.value);
  }
  if (letters == 0) return digits > 0;
  return (letters == 1 && may_be_initial) || (letters <= kMostConsonants && only_consonants);
}

bool begins_no_sentence(std::string_view text) {
  const char32_t first = first_code_point(text).value;
  const auto value = static_cast<UChar32>(first);
  return u_isdigit(value) || (u_islower(value) && has_capitals(first));
}

}  // namespace

std::vector<std::size_t> sentence_ends(std::string_view text, bool is_greek) {
  const auto is_mark = [is_greek](char32_t character) {
    return is_one_of(kSpacedTerminators, character) || is_one_of(kWideTerminators, character) ||
           (is_greek && is_one_of(kGreekQuestionMarks, character));
  };
  std::vector<std::size_t> ends;
  std::size_t word = 0;  // where the last one began
  for (std::size_t at = 0; at < text.size();) {
    CodePoint character = first_code_point(text.substr(at));
    if (!is_mark(character.value)) {
      at += character.size;
      if (is_space(character.value)) word = at;
      continue;
    }
    const std::string_view before = text.substr(word, at - word);
    const std::size_t first = at;
    bool is_wide = false;
    for (; at < text.size(); at += character.size) {  // "?!", "...", closing quotes
      character = first_code_point(text.substr(at));
      if (!is_mark(character.value) && !is_one_of(kClosing, character.value)) break;
      is_wide = is_wide || is_one_of(kWideTerminators, character.value);
    }
    std::size_t next = at;
    while (next < text.size() && is_space(first_code_point(text.substr(next)).value))
      next += first_code_point(text.substr(next)).size;
    if (next == text.size() || is_wide) {
      ends.push_back(at);
    } else if (next > at) {
      const bool is_lone_stop = at - first == 1 && text[first] == '.';
      if (!is_lone_stop || !(may_be_abbreviated(before) || begins_no_sentence(text.substr(next))))
        ends.push_back(at);
    }
  }
  return ends;
}

}  // namespace glossa::text
