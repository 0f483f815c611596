#include "eval/text_normalizer.h"

#include <unicode/brkiter.h>
#include <unicode/locid.h>
#include <unicode/normalizer2.h>
#include <unicode/uchar.h>
#include <unicode/unistr.h>

#include <algorithm>
#include <array>
#include <memory>
#include <utility>

#include "base/fail.h"
#include "text/lang_tag.h"

namespace glossa::eval {
namespace {

using icu::UnicodeString;

UnicodeString from_utf8(std::string_view text) {
  return UnicodeString::fromUTF8(icu::StringPiece(text.data(), static_cast<int32_t>(text.size())));
}

std::string to_utf8(const UnicodeString& text) {
  std::string bytes;
  text.toUTF8String(bytes);
  return bytes;
}

// Python's re.sub(r"[<\[][^>\]]*[>\]]", "", text).
UnicodeString without_brackets(const UnicodeString& text) {
  UnicodeString kept;
  for (int32_t at = 0; at < text.length(); ++at) {
    if (text[at] == u'<' || text[at] == u'[') {
      int32_t end = at + 1;
      while (end < text.length() && text[end] != u'>' && text[end] != u']') ++end;
      if (end == text.length()) return kept.append(text, at, end - at);  // nothing closes any more
      at = end;
      continue;
    }
    kept.append(text[at]);
  }
  return kept;
}

// Python's re.sub(r"\(([^)]+?)\)", "", text).
UnicodeString without_parentheses(const UnicodeString& text) {
  UnicodeString kept;
  for (int32_t at = 0; at < text.length(); ++at) {
    const bool opens = text[at] == u'(' && at + 1 < text.length() && text[at + 1] != u')';
    if (opens) {
      const int32_t end = text.indexOf(u')', at + 1);
      if (end < 0) return kept.append(text, at, text.length() - at);
      at = end;
      continue;
    }
    kept.append(text[at]);
  }
  return kept;
}

const icu::Normalizer2& normalizer(bool compose) {
  UErrorCode status = U_ZERO_ERROR;
  const icu::Normalizer2* found =
      compose ? icu::Normalizer2::getNFKCInstance(status)
              : icu::Normalizer2::getInstance(nullptr, "nfkc", UNORM2_DECOMPOSE, status);
  if (U_FAILURE(status)) throw Error(ErrorCode::kInternal, fmt::format("ICU: {}", u_errorName(status)));
  return *found;
}

UnicodeString normalized(const UnicodeString& text, bool compose) {
  UErrorCode status = U_ZERO_ERROR;
  UnicodeString result = normalizer(compose).normalize(text, status);
  if (U_FAILURE(status)) throw Error(ErrorCode::kInternal, fmt::format("ICU: {}", u_errorName(status)));
  return result;
}

// What both normalisers begin with: lower case, spans dropped.
UnicodeString lowered_without_spans(std::string_view text) {
  UnicodeString lowered = from_utf8(text);
  lowered.toLower(icu::Locale::getRoot());
  return without_parentheses(without_brackets(lowered));
}

UnicodeString symbols_to_spaces(const UnicodeString& text) {
  constexpr uint32_t kSymbols = U_GC_M_MASK | U_GC_S_MASK | U_GC_P_MASK;
  UnicodeString result;
  for (int32_t at = 0; at < text.length(); at = text.moveIndex32(at, 1)) {
    const UChar32 character = text.char32At(at);
    result.append((U_GET_GC_MASK(character) & kSymbols) != 0 ? UChar32{' '} : character);
  }
  return result;
}

// White space becomes one space, none at the ends.
UnicodeString collapsed(const UnicodeString& text) {
  UnicodeString result;
  bool space = false;
  for (int32_t at = 0; at < text.length(); at = text.moveIndex32(at, 1)) {
    const UChar32 character = text.char32At(at);
    if (u_isUWhiteSpace(character) || (character >= 0x1c && character <= 0x1f)) {
      space = !result.isEmpty();
      continue;
    }
    if (std::exchange(space, false)) result.append(u' ');
    result.append(character);
  }
  return result;
}

bool is_apostrophe(UChar32 character) {
  return character == '\'' || character == 0x2018 || character == 0x2019 || character == 0x02bc;
}

// Apostrophes and commas between digits leave no space behind; diacritics go.
UnicodeString folded_english(const UnicodeString& text) {
  const UnicodeString decomposed = normalized(text, /*compose=*/false);
  UnicodeString folded;
  for (int32_t at = 0; at < decomposed.length(); at = decomposed.moveIndex32(at, 1)) {
    const UChar32 character = decomposed.char32At(at);
    if (is_apostrophe(character) || u_charType(character) == U_NON_SPACING_MARK) continue;
    const bool comma_in_number = character == ',' && at > 0 && at + 1 < decomposed.length() &&
                                 u_isdigit(decomposed[at - 1]) && u_isdigit(decomposed[at + 1]);
    if (!comma_in_number) folded.append(character);
  }
  return folded;
}

std::string_view english_word(std::string_view word) {
  constexpr std::array<std::string_view, 6> kFillers = {"hmm", "mm", "mhm", "mmm", "uh", "um"};
  if (std::find(kFillers.begin(), kFillers.end(), word) != kFillers.end()) return "";
  if (word == "mr") return "mister";
  if (word == "mrs") return "missus";
  if (word == "dr") return "doctor";
  if (word == "prof") return "professor";
  return word;
}

}  // namespace

std::string normalize_basic(std::string_view text) {
  UnicodeString composed = normalized(lowered_without_spans(text), /*compose=*/true);
  UnicodeString spaced = symbols_to_spaces(composed);
  return to_utf8(collapsed(spaced.toLower(icu::Locale::getRoot())));
}

std::string normalize_english(std::string_view text) {
  UnicodeString spaced = symbols_to_spaces(folded_english(lowered_without_spans(text)));
  const std::string plain = to_utf8(collapsed(spaced.toLower(icu::Locale::getRoot())));
  std::string result;
  for (std::size_t begin = 0; begin < plain.size();) {
    const std::size_t end = std::min(plain.find(' ', begin), plain.size());
    const std::string_view word = english_word(std::string_view(plain).substr(begin, end - begin));
    if (!word.empty()) result.append(result.empty() ? "" : " ").append(word);
    begin = end + 1;
  }
  return result;
}

std::string split_letters(std::string_view text) {
  UErrorCode status = U_ZERO_ERROR;
  const std::unique_ptr<icu::BreakIterator> letters(
      icu::BreakIterator::createCharacterInstance(icu::Locale::getRoot(), status));
  if (U_FAILURE(status)) throw Error(ErrorCode::kInternal, fmt::format("ICU: {}", u_errorName(status)));
  const UnicodeString joined = from_utf8(text);
  letters->setText(joined);
  UnicodeString spaced;
  for (int32_t begin = letters->first(), end = letters->next(); end != icu::BreakIterator::DONE;
       begin = end, end = letters->next()) {
    spaced.append(joined, begin, end - begin).append(u' ');
  }
  return to_utf8(collapsed(spaced));
}

std::vector<std::string> default_letter_languages() { return {"zh", "ja", "th"}; }

bool is_of_language(std::string_view code, std::span<const std::string> languages) {
  const std::string_view language = code.substr(0, code.find_first_of("-_"));
  return !language.empty() && std::find(languages.begin(), languages.end(), language) != languages.end();
}

std::string normalize_for_scoring(std::string_view text, std::string_view code,
                                  std::span<const std::string> letter_languages) {
  const std::string untagged = text::strip_lang_tags(text);
  const std::string english[] = {"en"};
  const std::string plain =
      is_of_language(code, english) ? normalize_english(untagged) : normalize_basic(untagged);
  return is_of_language(code, letter_languages) ? split_letters(plain) : plain;
}

}  // namespace glossa::eval
