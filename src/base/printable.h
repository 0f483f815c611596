// Names out of untrusted files, fit for an error message.
#pragma once

#include <string>
#include <string_view>

namespace glossa {

// At most 120 bytes, control characters shown as '?'. UTF-8 passes through.
inline std::string printable(std::string_view text) {
  constexpr std::size_t kLongest = 120;
  std::string shown(text.substr(0, kLongest));
  for (char& c : shown) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = '?';
  }
  if (text.size() > kLongest) shown += "...";
  return shown;
}

}  // namespace glossa
