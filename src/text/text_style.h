// How a transcript is written: capitals, punctuation, digits; and what two spellings of one sentence share.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace glossa::text {

struct TextStyle {
  std::int64_t letters = 0;      // code points of Unicode's letters
  bool has_case = false;         // a letter of a script with capitals
  bool has_capital = false;      // upper or title case
  bool has_punctuation = false;  // of a sentence: . , ; : ! ? and their relatives in other scripts
  bool has_digit = false;
};

TextStyle style_of(std::string_view utf8);

std::int64_t count_code_points(std::string_view utf8);
std::int64_t count_words(std::string_view utf8);  // between Unicode white space, as Python's str.split()

// With its first character in title case, where it is a letter.
std::string capitalised(std::string_view utf8);

// The sentence in lower case without language tags, punctuation and symbols, words one space apart: equal for
// two spellings of the same words.
std::string bare_sentence(std::string_view utf8);

}  // namespace glossa::text
