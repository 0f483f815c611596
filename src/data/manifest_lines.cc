#include "data/manifest_lines.h"

#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/fail.h"
#include "text/json_text.h"

namespace glossa::data {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr std::string_view kSpaces = " \t\r\n";

std::string text_of(const json& object, const char* key) {
  const auto found = object.find(key);
  if (found == object.end() || found->is_null()) return "";
  return found->is_string() ? found->get<std::string>() : text::json_text(*found);
}

std::size_t skip_spaces(std::string_view text, std::size_t at) {
  const std::size_t next = text.find_first_not_of(kSpaces, at);
  return next == std::string_view::npos ? text.size() : next;
}

// Behind the string that starts at the quote `at`.
std::size_t end_of_string(std::string_view text, std::size_t at) {
  for (++at; at < text.size() && text[at] != '"'; ++at) {
    if (text[at] == '\\') ++at;
  }
  return std::min(at + 1, text.size());
}

std::size_t end_of_value(std::string_view text, std::size_t at) {
  if (text[at] == '"') return end_of_string(text, at);
  int depth = 0;
  std::size_t end = at;
  while (at < text.size()) {
    const char c = text[at];
    if (c == '"') {
      at = end_of_string(text, at);
      end = at;
      continue;
    }
    if (depth == 0 && (c == ',' || c == '}')) break;
    if (c == '{' || c == '[') ++depth;
    if (c == '}' || c == ']') --depth;
    ++at;
    if (kSpaces.find(c) == std::string_view::npos) end = at;
  }
  return end;
}

}  // namespace

ManifestText read_manifest_text(const fs::path& path) {
  if (fs::is_directory(path))
    fail_bad_input("{}: not a manifest (expected a file, got a folder)", path.string());
  std::ifstream file(path, std::ios::binary);
  if (!file) fail_bad_input("{}: cannot open the manifest (expected a file of JSON lines)", path.string());
  const fs::path folder = fs::absolute(path).parent_path();
  ManifestText manifest{path, {}};
  std::string text;
  for (int number = 1; std::getline(file, text); ++number) {
    if (text.ends_with('\r')) text.pop_back();
    ManifestLine line;
    line.line = number;
    try {
      line.entry = parse_manifest_line(text, folder, path.string(), number);
      if (!line.entry) continue;
      const json object = json::parse(text.substr(text.find('{')));  // behind a byte order mark
      line.speaker = text_of(object, "speaker");
      line.source = text_of(object, object.contains("source") ? "source" : "dataset");
    } catch (const Error& error) {
      // The place is told beside the message.
      const std::string place = path.string() + ":" + std::to_string(number) + ": ";
      line.problem = error.what();
      if (line.problem.starts_with(place)) line.problem.erase(0, place.size());
    }
    line.raw = text;
    manifest.lines.push_back(std::move(line));
  }
  if (file.bad()) fail_bad_input("{}: cannot read the manifest", path.string());
  return manifest;
}

JsonLine::JsonLine(std::string text) : text_(std::move(text)) {
  text_.erase(0, text_.find('{') == std::string::npos ? 0 : text_.find('{'));
}

std::optional<JsonLine::Member> JsonLine::find(std::string_view key) const {
  std::optional<Member> found;
  std::size_t at = skip_spaces(text_, 1);
  while (at < text_.size() && text_[at] == '"') {
    Member member;
    member.key_begin = at;
    member.key_end = end_of_string(text_, at);
    at = skip_spaces(text_, member.key_end);  // the colon
    member.value_begin = skip_spaces(text_, at + 1);
    if (member.value_begin >= text_.size()) break;
    member.value_end = end_of_value(text_, member.value_begin);
    // The last of equal keys counts, as for every reader of JSON in use.
    if (json::parse(text_.substr(member.key_begin, member.key_end - member.key_begin)) == std::string(key))
      found = member;
    at = skip_spaces(text_, member.value_end);
    if (at < text_.size() && text_[at] == ',') at = skip_spaces(text_, at + 1);
  }
  return found;
}

void JsonLine::set(std::string_view key, std::string_view value) {
  if (const auto member = find(key)) {
    text_.replace(member->value_begin, member->value_end - member->value_begin, value);
    return;
  }
  const std::size_t end = text_.rfind('}');
  const std::size_t last = text_.find_last_not_of(kSpaces, end - 1);
  const bool first = text_[last] == '{';
  text_.insert(last + 1, fmt::format("{}{}: {}", first ? "" : ", ", json_string(key), value));
}

void JsonLine::rename(std::string_view key, std::string_view new_key) {
  if (const auto member = find(key)) {
    text_.replace(member->key_begin, member->key_end - member->key_begin, json_string(new_key));
  }
}

bool JsonLine::has(std::string_view key) const {
  const auto member = find(key);
  return member && text_.compare(member->value_begin, member->value_end - member->value_begin, "null") != 0;
}

std::string JsonLine::string_of(std::string_view key) const {
  const auto member = find(key);
  if (!member || text_[member->value_begin] != '"') return "";
  return json::parse(text_.substr(member->value_begin, member->value_end - member->value_begin))
      .get<std::string>();
}

std::string json_string(std::string_view text) { return text::json_text(json(std::string(text))); }

}  // namespace glossa::data
