// JSON of files that nobody vouches for: neither depth nor size may cost more than the file is worth.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "base/fail.h"
#include "base/printable.h"

namespace glossa::checkpoint {

// Copies and texts of nested values are made recursively.
inline constexpr int kDeepestJson = 32;

// An object of nlohmann::json or nlohmann::ordered_json. The latter keeps the order of keys, which makes
// reading quadratic in the number of an object's keys: for small texts. Error kBadInput, naming `source`, for
// anything else than JSON, and for an object that has a key twice at its top.
template <class Json>
Json parse_bounded(std::string_view text, const std::string& source) {
  std::set<std::string> top;
  const auto check = [&](int depth, typename Json::parse_event_t event, Json& parsed) {
    if (depth > kDeepestJson)
      fail_bad_input("{}: nested too deeply (expected at most {} levels)", source, kDeepestJson);
    if (event == Json::parse_event_t::key && depth == 1) {
      const auto key = parsed.template get<std::string>();
      if (!top.insert(key).second) fail_bad_input("{}: has {} twice", source, printable(key));
    }
    return true;
  };
  try {
    Json parsed = Json::parse(text, check);
    if (!parsed.is_object()) fail_bad_input("{}: no JSON object", source);
    return parsed;
  } catch (const typename Json::exception& error) {
    fail_bad_input("{}: not JSON: {}", source, printable(error.what()));
  }
}

// A value in a message.
template <class Json>
std::string shown(const Json& value) {
  return printable(value.dump(-1, ' ', /*ensure_ascii=*/true, Json::error_handler_t::replace));
}

// A number that counts; none for anything else, 1.0 and -0 included.
template <class Json>
std::optional<std::uint64_t> unsigned_of(const Json& value) {
  if (!value.is_number_unsigned()) return std::nullopt;
  return value.template get<std::uint64_t>();
}

}  // namespace glossa::checkpoint
