// Names out of untrusted files, fit for an error message.
#pragma once

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>

namespace glossa {

// The first bytes, `longest` at most, no character of UTF-8 cut in two.
inline std::string_view shortened(std::string_view text, std::size_t longest) {
  std::size_t length = std::min(text.size(), longest);
  const auto continues = [&](std::size_t at) {
    return (static_cast<unsigned char>(text[at]) & 0xC0) == 0x80;
  };
  while (length < text.size() && length > 0 && continues(length)) --length;
  return text.substr(0, length);
}

// At most 120 bytes, no character of UTF-8 cut in two, control characters shown as '?'.
inline std::string printable(std::string_view text) {
  constexpr std::size_t kLongest = 120;
  std::string shown(shortened(text, kLongest));
  for (char& c : shown) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = '?';
  }
  if (shown.size() < text.size()) shown += "...";
  return shown;
}

}  // namespace glossa
