#include "data/manifest.h"

#include <string_view>

#include "base/fail.h"
#include "data/json_lines.h"

namespace glossa::data {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

std::optional<ManifestEntry> parse_entry(const nlohmann::json& object, const fs::path& folder,
                                         const Place& place) {
  if (is_skipped(object)) return std::nullopt;
  ManifestEntry entry;
  // An absolute path replaces the folder.
  entry.audio_filepath = (folder / fs::path(audio_filepath(object, place))).lexically_normal();
  entry.offset = find_seconds(object, "offset", place);
  entry.duration = find_seconds(object, "duration", place);
  entry.text = find_string(object, "text", place);
  entry.target_lang = find_string(object, "target_lang", place);
  if (!entry.target_lang) entry.target_lang = find_string(object, "lang", place);
  entry.line = place.line;
  return entry;
}

}  // namespace

std::optional<ManifestEntry> parse_manifest_line(const std::string& text, const fs::path& folder,
                                                 const std::string& file, int line) {
  std::string_view json = text;
  if (line == 1 && json.starts_with(kByteOrderMark)) json.remove_prefix(kByteOrderMark.size());
  if (json.find_first_not_of(" \t\r") == std::string_view::npos) return std::nullopt;
  nlohmann::json object;
  try {
    object = nlohmann::json::parse(json);
  } catch (const nlohmann::json::exception& error) {
    fail_bad_input("{}:{}: not JSON ({})", file, line, error.what());
  }
  if (!object.is_object()) {
    fail_bad_input("{}:{}: not a manifest entry (expected a JSON object, got {})", file, line,
                   object.type_name());
  }
  return parse_entry(object, folder, {file, line});
}

std::vector<ManifestEntry> read_manifest(const fs::path& path) {
  const fs::path folder = fs::absolute(path).parent_path();
  std::vector<ManifestEntry> entries;
  for_each_json_line(path, /*on_bad_line=*/{}, [&](const nlohmann::json& object, const Place& place) {
    if (auto entry = parse_entry(object, folder, place)) entries.push_back(std::move(*entry));
  });
  return entries;
}

}  // namespace glossa::data
