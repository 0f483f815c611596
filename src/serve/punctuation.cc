#include "serve/punctuation.h"

#include <unicode/locid.h>
#include <unicode/uchar.h>
#include <unicode/unistr.h>

#include <cstddef>
#include <cstdint>
#include <optional>

#include "text/utf8.h"

namespace glossa::serve {
namespace {

bool is_dash(UChar32 c) { return c == '-' || c == 0x2013 || c == 0x2014; }

// Marks of sentences, quotes and brackets in any script; not apostrophes and what stands for a word, such as
// % and &.
bool is_mark(UChar32 c) {
  if (c == '\'' || c == 0x2019 || c == 0x02bc) return false;
  if (c == '"' || c == 0x2026 || c == 0x00b7) return true;
  if (u_hasBinaryProperty(c, UCHAR_TERMINAL_PUNCTUATION) || u_hasBinaryProperty(c, UCHAR_QUOTATION_MARK))
    return true;
  if (c == 0x00bf || c == 0x00a1) return true;  // inverted ? and !
  const auto category = U_GET_GC_MASK(c);
  return (category & (U_GC_PS_MASK | U_GC_PE_MASK | U_GC_PI_MASK | U_GC_PF_MASK)) != 0;
}

bool is_opening(UChar32 c) {
  return c == 0x00bf || c == 0x00a1 || (U_GET_GC_MASK(c) & (U_GC_PS_MASK | U_GC_PI_MASK)) != 0;
}

}  // namespace

std::string_view without_leading_marks(std::string_view utf8) {
  std::optional<std::size_t> opening;  // since the last space
  bool spaced = false;
  for (std::size_t at = 0; at < utf8.size();) {
    const text::CodePoint point = text::first_code_point(utf8.substr(at));
    const auto c = static_cast<UChar32>(point.value);
    const bool is_space = u_isUWhiteSpace(c) != 0;
    if (!is_space && !is_mark(c)) return utf8.substr(opening.value_or(at));
    if (is_space) {
      opening.reset();
    } else if (!opening && (is_opening(c) || (c == '"' && spaced))) {
      opening = at;
    }
    spaced = is_space;
    at += point.size;
  }
  return {};
}

std::string without_punctuation(std::string_view utf8, const std::string& language) {
  icu::UnicodeString text =
      icu::UnicodeString::fromUTF8(icu::StringPiece(utf8.data(), static_cast<int>(utf8.size())));
  text.toLower(icu::Locale(language.c_str()));
  icu::UnicodeString bare;
  for (std::int32_t at = 0; at < text.length(); at = text.moveIndex32(at, 1)) {
    const UChar32 c = text.char32At(at);
    const std::int32_t next = text.moveIndex32(at, 1);
    const bool inside = at > 0 && next < text.length();
    const UChar32 before = inside ? text.char32At(text.moveIndex32(at, -1)) : 0;
    const UChar32 after = inside ? text.char32At(next) : 0;
    const bool in_number = inside && u_isdigit(before) && u_isdigit(after);
    const bool in_word = inside && u_isalnum(before) && u_isalnum(after);
    if (is_mark(c) && !in_number) continue;
    if (is_dash(c) && !in_word) continue;
    if (u_isUWhiteSpace(c) && (bare.isEmpty() || bare.endsWith(u" ", 1))) continue;
    bare.append(u_isUWhiteSpace(c) ? UChar32{' '} : c);
  }
  bare.trim();
  std::string result;
  bare.toUTF8String(result);
  return result;
}

}  // namespace glossa::serve
