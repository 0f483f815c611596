#include "serve/http.h"

#include <algorithm>
#include <cctype>

namespace glossa::serve {
namespace {

std::optional<std::string> first(const Fields& fields, std::string_view name) {
  const auto found =
      std::find_if(fields.begin(), fields.end(), [&](const auto& field) { return field.first == name; });
  if (found == fields.end()) return std::nullopt;
  return found->second;
}

}  // namespace

bool same_letters(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) {
    return std::tolower(static_cast<unsigned char>(x)) == std::tolower(static_cast<unsigned char>(y));
  });
}

std::vector<std::string> list_of(std::string_view value) {
  std::vector<std::string> list;
  while (!value.empty()) {
    std::string_view item = value.substr(0, value.find(','));
    value.remove_prefix(std::min(value.size(), item.size() + 1));
    while (item.starts_with(' ') || item.starts_with('\t')) item.remove_prefix(1);
    while (item.ends_with(' ') || item.ends_with('\t')) item.remove_suffix(1);
    if (!item.empty()) list.emplace_back(item);
  }
  return list;
}

std::optional<std::string> HttpRequest::header(std::string_view name) const { return first(headers, name); }
std::optional<std::string> HttpRequest::parameter(std::string_view name) const { return first(query, name); }

std::string call_of(const HttpRequest& request) {
  if (request.method.empty()) return {};
  // "/a%3Fapi_key=..." and "http://user:password@..." are possible.
  const std::string path =
      request.path.starts_with('/') ? request.path.substr(0, request.path.find('?')) : "?";
  return request.method + " " + path;
}

}  // namespace glossa::serve
