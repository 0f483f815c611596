#include "text/text_style.h"

#include <unicode/uchar.h>
#include <unicode/utf8.h>

#include <algorithm>

#include "text/lang_tag.h"
#include "text/utf8.h"

namespace glossa::text {
namespace {

constexpr std::string_view kRelatives = "…。，、；：！？।॥؟،؛۔။፧።";

template <class Visit>
void for_each_code_point(std::string_view utf8, const Visit& visit) {
  while (!utf8.empty()) {
    const CodePoint point = first_code_point(utf8);
    visit(point.value, utf8.substr(0, point.size));
    utf8.remove_prefix(point.size);
  }
}

bool is_sentence_punctuation(char32_t c, std::string_view bytes) {
  if (c < 0x80) return std::string_view(".,;:!?").find(static_cast<char>(c)) != std::string_view::npos;
  return bytes.size() > 1 && kRelatives.find(bytes) != std::string_view::npos;
}

// Marks belong to their letters: they are kept with them.
bool belongs_to_a_word(UChar32 c) {
  return u_isalnum(c) != 0 || (U_GET_GC_MASK(c) & (U_GC_M_MASK | U_GC_N_MASK)) != 0;
}

void append(std::string& text, UChar32 c) {
  char bytes[U8_MAX_LENGTH];
  std::int32_t size = 0;
  U8_APPEND_UNSAFE(bytes, size, c);
  text.append(bytes, static_cast<std::size_t>(size));
}

}  // namespace

TextStyle style_of(std::string_view utf8) {
  TextStyle style;
  for_each_code_point(utf8, [&](char32_t value, std::string_view bytes) {
    const auto c = static_cast<UChar32>(value);
    style.letters += u_isalpha(c) != 0 ? 1 : 0;
    const bool capital = u_isUUppercase(c) != 0 || u_istitle(c) != 0;
    style.has_capital = style.has_capital || capital;
    style.has_case = style.has_case || capital || u_toupper(c) != c || u_tolower(c) != c;
    style.has_digit = style.has_digit || u_isdigit(c) != 0;
    style.has_punctuation = style.has_punctuation || is_sentence_punctuation(value, bytes);
  });
  return style;
}

std::int64_t count_code_points(std::string_view utf8) {
  std::int64_t count = 0;
  for_each_code_point(utf8, [&](char32_t, std::string_view) { ++count; });
  return count;
}

std::int64_t count_words(std::string_view utf8) {
  std::int64_t count = 0;
  bool inside = false;
  for_each_code_point(utf8, [&](char32_t c, std::string_view) {
    const bool letter = !is_space(c);
    count += letter && !inside ? 1 : 0;
    inside = letter;
  });
  return count;
}

std::string capitalised(std::string_view utf8) {
  if (utf8.empty()) return {};
  const CodePoint first = first_code_point(utf8);
  const auto c = static_cast<UChar32>(first.value);
  if (u_totitle(c) == c) return std::string(utf8);
  std::string text;
  append(text, u_totitle(c));
  return text.append(utf8.substr(first.size));
}

std::string bare_sentence(std::string_view utf8) {
  std::string bare;
  bool space = false;
  for_each_code_point(strip_lang_tags(utf8), [&](char32_t value, std::string_view) {
    const auto c = static_cast<UChar32>(value);
    if (value == U'\'' || value == U'\u2019') return;  // "don't" and "dont" are one word
    if (!belongs_to_a_word(c)) {
      space = true;
      return;
    }
    if (space && !bare.empty()) bare += ' ';
    space = false;
    append(bare, u_tolower(c));
  });
  return bare;
}

}  // namespace glossa::text
