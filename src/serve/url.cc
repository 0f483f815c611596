#include "serve/url.h"

#include <algorithm>
#include <charconv>

namespace glossa::serve {

std::string percent_decoded(std::string_view text) {
  std::string decoded;
  for (std::size_t index = 0; index < text.size(); ++index) {
    unsigned char byte = 0;
    const char* digits = text.data() + index + 1;
    if (text[index] == '%' && index + 2 < text.size() &&
        std::from_chars(digits, digits + 2, byte, 16).ptr == digits + 2) {
      decoded += static_cast<char>(byte);
      index += 2;
    } else {
      decoded += text[index];
    }
  }
  return decoded;
}

Fields parse_query(std::string_view query) {
  Fields fields;
  while (!query.empty()) {
    const std::string_view pair = query.substr(0, query.find('&'));
    query.remove_prefix(std::min(query.size(), pair.size() + 1));
    if (pair.empty()) continue;
    const std::size_t equals = std::min(pair.find('='), pair.size());
    const auto decoded = [](std::string_view text) {
      std::string spaced(text);
      for (char& letter : spaced) letter = letter == '+' ? ' ' : letter;
      return percent_decoded(spaced);
    };
    fields.emplace_back(decoded(pair.substr(0, equals)),
                        equals < pair.size() ? decoded(pair.substr(equals + 1)) : std::string());
  }
  return fields;
}

}  // namespace glossa::serve
