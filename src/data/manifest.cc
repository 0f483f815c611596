#include "data/manifest.h"

#include "data/json_lines.h"

namespace glossa::data {
namespace {

namespace fs = std::filesystem;

std::optional<ManifestEntry> parse_entry(const nlohmann::json& object, const fs::path& folder,
                                         const ManifestFields& fields, const Place& place) {
  if (is_skipped(object)) return std::nullopt;
  ManifestEntry entry;
  // An absolute path replaces the folder.
  entry.audio_filepath = (folder / fs::path(audio_filepath(object, place))).lexically_normal();
  entry.offset = find_seconds(object, "offset", place);
  entry.duration = find_seconds(object, "duration", place);
  entry.text = find_string(object, fields.text.c_str(), place);
  entry.target_lang = find_string(object, fields.lang.c_str(), place);
  if (!entry.target_lang) entry.target_lang = find_string(object, "lang", place);
  entry.line = place.line;
  return entry;
}

}  // namespace

std::optional<ManifestEntry> parse_manifest_line(const std::string& text, const fs::path& folder,
                                                 const std::string& file, int line) {
  const auto object = parse_json_line(text, {file, line});
  if (!object) return std::nullopt;
  return parse_entry(*object, folder, {}, {file, line});
}

std::vector<ManifestEntry> read_manifest(const fs::path& path, const ManifestFields& fields) {
  const fs::path folder = fs::absolute(path).parent_path();
  std::vector<ManifestEntry> entries;
  for_each_json_line(path, /*on_bad_line=*/{}, [&](const nlohmann::json& object, const Place& place) {
    if (auto entry = parse_entry(object, folder, fields, place)) entries.push_back(std::move(*entry));
  });
  return entries;
}

}  // namespace glossa::data
