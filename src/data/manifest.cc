#include "data/manifest.h"

#include "data/json_lines.h"

namespace glossa::data {

namespace fs = std::filesystem;

std::vector<ManifestEntry> read_manifest(const fs::path& path) {
  const fs::path folder = fs::absolute(path).parent_path();
  std::vector<ManifestEntry> entries;
  for_each_json_line(path, /*on_bad_line=*/{}, [&](const nlohmann::json& object, const Place& place) {
    if (is_skipped(object)) return;
    ManifestEntry entry;
    // An absolute path replaces the folder.
    entry.audio_filepath = (folder / fs::path(audio_filepath(object, place))).lexically_normal();
    entry.offset = find_seconds(object, "offset", place);
    entry.duration = find_seconds(object, "duration", place);
    entry.text = find_string(object, "text", place);
    entry.target_lang = find_string(object, "target_lang", place);
    if (!entry.target_lang) entry.target_lang = find_string(object, "lang", place);
    entry.line = place.line;
    entries.push_back(std::move(entry));
  });
  return entries;
}

}  // namespace glossa::data
