#include "serve/api_keys.h"

#include <cstddef>

namespace glossa::serve {
namespace {

bool same_secret(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  unsigned difference = 0;
  for (std::size_t index = 0; index < a.size(); ++index)
    difference |= static_cast<unsigned char>(a[index]) ^ static_cast<unsigned char>(b[index]);
  return difference == 0;
}

}  // namespace

bool is_known_key(const std::set<std::string>& keys, std::string_view given) {
  bool known = false;
  for (const std::string& key : keys) known = same_secret(given, key) || known;
  return known && !given.empty();
}

}  // namespace glossa::serve
