// JSON made and read: the library's templates for that take seconds of the compiler in every file that uses
// them.
#pragma once

#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

namespace glossa::text {

// On one line, or with so many spaces for every level. What is not UTF-8 becomes U+FFFD: no name of a file
// may stop a report.
std::string json_text(const nlohmann::json& value, int indent = -1);
std::string json_text(const nlohmann::ordered_json& value, int indent = -1);

// What is_discarded() where `text` is no JSON.
nlohmann::json parsed_json(std::string_view text);

}  // namespace glossa::text
