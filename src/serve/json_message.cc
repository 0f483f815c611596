#include "serve/json_message.h"

#include <nlohmann/json.hpp>

#include "base/fail.h"

namespace glossa::serve {

using json = nlohmann::json;

namespace {
constexpr int kMostNested = 16;
}

json parse_message(std::string_view text) {
  bool is_deep = false;
  const auto keep = [&](int depth, json::parse_event_t, const json&) {
    is_deep = is_deep || depth > kMostNested;
    return depth <= kMostNested;
  };
  json message = json::parse(text, keep, /*allow_exceptions=*/false);
  if (is_deep) fail_invalid_argument("the message is nested deeper than {}", kMostNested);
  return message;
}

const std::string& type_of(const json& message) {
  if (!message.is_object() || !message.contains("type") || !message["type"].is_string())
    fail_invalid_argument("the message is no JSON object with a type");
  return message["type"].get_ref<const std::string&>();
}

}  // namespace glossa::serve
