// Names out of untrusted files, fit for an error message.
#pragma once

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>

namespace glossa {

// At most 120 bytes, no character of UTF-8 cut in two, control characters shown as '?'.
inline std::string printable(std::string_view text) {
  constexpr std::size_t kLongest = 120;
  std::size_t length = std::min(text.size(), kLongest);
  const auto continues = [&](std::size_t at) {
    return (static_cast<unsigned char>(text[at]) & 0xC0) == 0x80;
  };
  while (length < text.size() && length > 0 && continues(length)) --length;
  std::string shown(text.substr(0, length));
  for (char& c : shown) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = '?';
  }
  if (length < text.size()) shown += "...";
  return shown;
}

}  // namespace glossa
