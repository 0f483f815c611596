// JSON that strangers send.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

namespace glossa::serve {

// Discarded when it is no JSON. Error kInvalidArgument for what is nested deeper than any message: json
// copies and writes by recursion.
nlohmann::json parse_message(std::string_view text);

// Its "type". Error kInvalidArgument when it is no object that has one.
const std::string& type_of(const nlohmann::json& message);

}  // namespace glossa::serve
