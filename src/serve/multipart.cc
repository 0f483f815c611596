#include "serve/multipart.h"

#include <algorithm>
#include <optional>

#include "base/fail.h"
#include "base/printable.h"
#include "serve/http.h"

namespace glossa::serve {
namespace {

constexpr std::size_t kMostParts = 100;

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

// The parameter of a header such as `form-data; name="file"; filename="a.wav"`.
std::optional<std::string> parameter(std::string_view header, std::string_view wanted) {
  std::size_t at = header.find(';');
  while (at < header.size()) {
    const std::size_t equals = header.find('=', at);
    if (equals == std::string_view::npos) return std::nullopt;
    const std::string_view name = trimmed(header.substr(at + 1, equals - at - 1));
    std::string value;
    at = equals + 1;
    if (at < header.size() && header[at] == '"') {
      for (++at; at < header.size() && header[at] != '"'; ++at) {
        if (header[at] == '\\' && at + 1 < header.size()) ++at;
        value += header[at];
      }
      at = header.find(';', at);
    } else {
      const std::size_t end = std::min(header.find(';', at), header.size());
      value = std::string(trimmed(header.substr(at, end - at)));
      at = end;
    }
    if (same_letters(name, wanted)) return value;
  }
  return std::nullopt;
}

}  // namespace

std::vector<FormPart> parse_multipart(std::string_view content_type, std::string_view body) {
  const bool is_form =
      content_type.size() >= 19 && same_letters(content_type.substr(0, 19), "multipart/form-data");
  const std::optional<std::string> boundary = is_form ? parameter(content_type, "boundary") : std::nullopt;
  if (!boundary || boundary->empty())
    fail_bad_input("the content type is '{}', expected multipart/form-data with a boundary",
                   printable(content_type));
  const std::string delimiter = "--" + *boundary;
  std::vector<FormPart> parts;
  std::size_t at = body.find(delimiter);
  if (at == std::string_view::npos) fail_bad_input("the form has no part");
  at += delimiter.size();
  while (!body.substr(at).starts_with("--")) {
    const std::size_t head = body.find("\r\n", at);
    const std::size_t blank = body.find("\r\n\r\n", head);
    const std::size_t end =
        body.find("\r\n" + delimiter, blank == std::string_view::npos ? blank : blank + 2);
    if (head == std::string_view::npos || blank == std::string_view::npos || end == std::string_view::npos)
      fail_bad_input("part {} of the form does not end", parts.size() + 1);
    FormPart part;
    for (std::size_t line = head + 2; line < blank + 2;) {
      const std::size_t line_end = body.find("\r\n", line);
      const std::string_view header = body.substr(line, line_end - line);
      const std::size_t colon = std::min(header.find(':'), header.size());
      if (same_letters(header.substr(0, colon), "content-disposition")) {
        part.name = parameter(header, "name").value_or("");
        part.filename = parameter(header, "filename").value_or("");
      }
      line = line_end + 2;
    }
    if (part.name.empty()) fail_bad_input("part {} of the form has no name", parts.size() + 1);
    const std::size_t data = blank + 4;
    part.data = data <= end ? body.substr(data, end - data) : std::string_view();
    parts.push_back(std::move(part));
    if (parts.size() > kMostParts) fail_bad_input("the form has more than {} parts", kMostParts);
    at = end + 2 + delimiter.size();
  }
  return parts;
}

}  // namespace glossa::serve
