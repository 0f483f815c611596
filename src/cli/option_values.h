// Reading the values of options.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace glossa::cli {

// Without the spaces and tabs around it.
std::string_view trim(std::string_view text);

// The whole of `text` as a decimal number, spaces around it allowed.
std::optional<int> parse_int(std::string_view text);
// The same of a number that is neither infinite nor NaN.
std::optional<double> parse_number(std::string_view text);

// For CLI::Option::check(): empty when the value will do, else what is wrong.
using ValueCheck = std::function<std::string(const std::string&)>;
ValueCheck between(int smallest, int largest);  // a whole number in that range
ValueCheck number_between(double smallest, double largest);
ValueCheck above_zero();    // a number, not infinite
ValueCheck zero_or_more();  // the same
ValueCheck one_of(std::vector<std::string> choices);
ValueCheck only(const std::string& choice);  // an option with one legal value so far

}  // namespace glossa::cli
