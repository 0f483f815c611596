#include "checkpoint/json_section.h"

#include <fmt/format.h>

#include <cmath>
#include <cstdint>
#include <limits>
#include <utility>

#include "base/fail.h"
#include "checkpoint/bounded_json.h"

namespace glossa::checkpoint {

using nlohmann::ordered_json;

ordered_json parse_json_object(const std::string& text, const std::string& source) {
  constexpr std::size_t kLongest = 1 << 18;
  if (text.size() > kLongest)
    fail_bad_input("{}: {} bytes (expected at most {})", source, text.size(), kLongest);
  return parse_bounded<ordered_json>(text, source);
}

JsonSection::JsonSection(const ordered_json& object, std::string source, std::string path)
    : object_(&object), source_(std::move(source)), path_(std::move(path)) {}

const ordered_json* JsonSection::value(std::string_view key) const {
  const auto found = object_->find(std::string(key));
  return found == object_->end() || found->is_null() ? nullptr : &*found;
}

void JsonSection::fail(std::string_view key, std::string_view expected) const {
  const auto found = object_->find(std::string(key));
  fail_bad_input("{}: {}{} {} (expected {})", source_, path_, key,
                 found == object_->end() ? "missing" : "is " + shown(*found), expected);
}

std::optional<JsonSection> JsonSection::section(std::string_view key) const {
  const ordered_json* found = value(key);
  if (found == nullptr) return std::nullopt;
  if (!found->is_object()) fail(key, "an object");
  return JsonSection(*found, source_, fmt::format("{}{}.", path_, key));
}

int JsonSection::as_integer(const ordered_json& value, std::string_view key) const {
  constexpr auto kMost = std::numeric_limits<int>::max();
  const bool small =
      value.is_number_integer() && (value.is_number_unsigned() ? value.get<std::uint64_t>() <= kMost
                                                               : value.get<std::int64_t>() >= -kMost);
  if (!small) fail(key, "an integer");
  return value.get<int>();
}

int JsonSection::integer(std::string_view key, int absent) const {
  const ordered_json* found = value(key);
  return found == nullptr ? absent : as_integer(*found, key);
}

bool JsonSection::boolean(std::string_view key, bool absent) const {
  const ordered_json* found = value(key);
  if (found != nullptr && !found->is_boolean()) fail(key, "true or false");
  return found == nullptr ? absent : found->get<bool>();
}

std::vector<int> JsonSection::integers(std::string_view key) const {
  std::vector<int> all;
  const ordered_json* found = value(key);
  if (found == nullptr) return all;
  if (!found->is_array()) fail(key, "a list of integers");
  for (const ordered_json& entry : *found) all.push_back(as_integer(entry, key));
  return all;
}

void JsonSection::expect_text(std::string_view key, std::string_view expected) const {
  const ordered_json* found = value(key);
  if (found != nullptr && *found != expected) fail(key, fmt::format("\"{}\"", expected));
}

void JsonSection::expect_integer(std::string_view key, int expected) const {
  if (integer(key, expected) != expected) fail(key, std::to_string(expected));
}

void JsonSection::expect_number(std::string_view key, double expected) const {
  constexpr double kRounding = 1e-6;
  const auto found = object_->find(std::string(key));
  if (found == object_->end()) return;
  if (!found->is_number() || !(std::abs(found->get<double>() - expected) < kRounding))
    fail(key, fmt::format("{}", expected));
}

}  // namespace glossa::checkpoint
