#include "serve/http.h"

#include <algorithm>

namespace glossa::serve {
namespace {

std::optional<std::string> first(const Fields& fields, std::string_view name) {
  const auto found =
      std::find_if(fields.begin(), fields.end(), [&](const auto& field) { return field.first == name; });
  if (found == fields.end()) return std::nullopt;
  return found->second;
}

}  // namespace

std::optional<std::string> HttpRequest::header(std::string_view name) const { return first(headers, name); }
std::optional<std::string> HttpRequest::parameter(std::string_view name) const { return first(query, name); }

}  // namespace glossa::serve
