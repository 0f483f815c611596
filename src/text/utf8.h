// UTF-8 as the SentencePiece library reads it, and white space as Python's `\s` sees it.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace glossa::text {

struct CodePoint {
  char32_t value = 0;    // U+FFFD when invalid
  std::size_t size = 0;  // bytes taken from the text; 1 when invalid
  bool valid = false;
};

// The first character of a non-empty text. Overlong forms, surrogates, values above U+10FFFF and cut
// sequences are invalid and take one byte.
CodePoint first_code_point(std::string_view text);

// The bytes of one character; surrogates and values above U+10FFFF become U+FFFD.
std::string to_utf8(char32_t character);

bool is_valid_utf8(std::string_view text);

std::size_t count_characters(std::string_view valid_text);

// Length in bytes that a lead byte promises, 1 for a continuation byte.
std::size_t promised_length(char lead);

// Python's str.isspace() for one character; this is what `\s` matches in NeMo's patterns. Unicode White_Space
// and the separators U+001C..U+001F.
bool is_space(char32_t character);

// Without white space at its ends.
std::string_view trimmed(std::string_view text);

// Trimmed, and each run of white space one ' '.
std::string with_single_spaces(std::string_view text);

// A file's text without the byte order mark (U+FEFF) that some editors put in front.
std::string_view without_byte_order_mark(std::string_view text);

inline constexpr std::string_view kReplacementCharacter = "\xEF\xBF\xBD";  // U+FFFD
inline constexpr std::string_view kWordMark = "\xE2\x96\x81";              // U+2581, a space inside a piece

}  // namespace glossa::text
