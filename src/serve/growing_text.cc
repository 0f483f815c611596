#include "serve/growing_text.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "text/utf8.h"

namespace glossa::serve {
namespace {

// Thai and Lao, Myanmar, Khmer, and all from the radicals of Han to its compatibility forms, kana and marks
// among them. Korean, which has spaces, is not.
constexpr std::pair<char32_t, char32_t> kWithoutSpaces[] = {{0x0E00, 0x0EFF}, {0x1000, 0x109F},
                                                            {0x1780, 0x17FF}, {0x2E80, 0xA4CF},
                                                            {0xF900, 0xFAFF}, {0xFF00, 0xFFEF}};

bool is_written_without_spaces(char32_t letter) {
  return std::any_of(std::begin(kWithoutSpaces), std::end(kWithoutSpaces),
                     [&](const auto& range) { return letter >= range.first && letter <= range.second; });
}

std::size_t settled_size(std::string_view text) {
  const std::size_t space = text.find_last_of(' ');
  std::size_t settled = space == text.npos ? 0 : space;
  for (std::size_t at = settled; at < text.size();) {
    const text::CodePoint letter = text::first_code_point(text.substr(at));
    at += letter.size;
    if (at < text.size() && is_written_without_spaces(letter.value)) settled = at;
  }
  return settled;
}

char32_t last_letter(std::string_view text) {
  char32_t last = 0;
  while (!text.empty()) {
    const text::CodePoint letter = text::first_code_point(text);
    last = letter.value;
    text.remove_prefix(letter.size);
  }
  return last;
}

}  // namespace

std::string joined(const std::string& text, const std::string& more) {
  if (text.empty() || more.empty()) return text + more;
  const bool is_one = is_written_without_spaces(last_letter(text)) &&
                      is_written_without_spaces(text::first_code_point(more).value);
  return text + (is_one ? "" : " ") + more;
}

std::string GrowingText::delta(const std::string& text, bool whole) {
  const std::size_t settled = whole ? text.size() : settled_size(text);
  if (settled <= told_.size() || !text.starts_with(told_)) return {};
  std::string delta = text.substr(told_.size(), settled - told_.size());
  told_ += delta;
  return delta;
}

}  // namespace glossa::serve
