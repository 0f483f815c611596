#include "cli/option_values.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <utility>

namespace glossa::cli {

std::string_view trim(std::string_view text) {
  constexpr std::string_view kSpaces = " \t";
  const std::size_t first = text.find_first_not_of(kSpaces);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kSpaces) - first + 1);
}

std::optional<int> parse_int(std::string_view text) {
  text = trim(text);
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::optional<double> parse_number(std::string_view text) {
  text = trim(text);
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || !std::isfinite(value)) return std::nullopt;
  return value;
}

ValueCheck between(int smallest, int largest) {
  return [smallest, largest](const std::string& text) {
    const auto value = parse_int(text);
    if (value && *value >= smallest && *value <= largest) return std::string();
    return fmt::format("wrong value (expected {} to {}, got {})", smallest, largest, text);
  };
}

ValueCheck number_between(double smallest, double largest) {
  return [smallest, largest](const std::string& text) {
    const auto value = parse_number(text);
    if (value && *value >= smallest && *value <= largest) return std::string();
    return fmt::format("wrong value (expected {} to {}, got {})", smallest, largest, text);
  };
}

ValueCheck above_zero() {
  return [](const std::string& text) {
    const auto value = parse_number(text);
    if (value && *value > 0) return std::string();
    return fmt::format("wrong value (expected a number above 0, got {})", text);
  };
}

ValueCheck zero_or_more() {
  return [](const std::string& text) {
    const auto value = parse_number(text);
    if (value && *value >= 0) return std::string();
    return fmt::format("wrong value (expected a number, 0 or more, got {})", text);
  };
}

ValueCheck one_of(std::vector<std::string> choices) {
  return [choices = std::move(choices)](const std::string& text) {
    if (std::find(choices.begin(), choices.end(), text) != choices.end()) return std::string();
    return fmt::format("wrong value (expected {}, got {})", fmt::join(choices, ", "), text);
  };
}

ValueCheck only(const std::string& choice) {
  return [choice](const std::string& text) {
    if (text == choice) return std::string();
    return fmt::format("not available in this version (expected {}, got {})", choice, text);
  };
}

}  // namespace glossa::cli
