#include "data/manifest.h"

#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/fail.h"

namespace glossa::data {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

// Where an entry stands, for messages.
struct Place {
  std::string file;
  int line = 0;
};

const json* find(const json& object, const char* key) {
  const auto found = object.find(key);
  return found == object.end() || found->is_null() ? nullptr : &*found;
}

std::optional<std::string> find_string(const json& object, const char* key, const Place& place) {
  const json* value = find(object, key);
  if (value == nullptr) return std::nullopt;
  if (!value->is_string()) {
    fail_bad_input("{}:{}: \"{}\" must be a string (got {})", place.file, place.line, key, value->dump());
  }
  return value->get<std::string>();
}

std::optional<double> find_seconds(const json& object, const char* key, const Place& place) {
  const json* value = find(object, key);
  if (value == nullptr) return std::nullopt;
  if (!value->is_number() || !std::isfinite(value->get<double>()) || value->get<double>() < 0) {
    fail_bad_input("{}:{}: \"{}\" must be a number of seconds, 0 or more (got {})", place.file, place.line,
                   key, value->dump());
  }
  return value->get<double>();
}

bool is_skipped(const json& object) {
  const json* value = find(object, "_skipme");
  return value != nullptr &&
         ((value->is_boolean() && value->get<bool>()) || (value->is_number() && *value != 0));
}

ManifestEntry parse_entry(const json& object, const fs::path& folder, const Place& place) {
  if (!object.is_object()) {
    fail_bad_input("{}:{}: not a manifest entry (expected a JSON object, got {})", place.file, place.line,
                   object.type_name());
  }
  ManifestEntry entry;
  const auto audio = find_string(object, "audio_filepath", place);
  if (!audio || audio->empty()) {
    fail_bad_input("{}:{}: no audio_filepath (expected the path of a sound file)", place.file, place.line);
  }
  entry.audio_filepath =
      (folder / fs::path(*audio)).lexically_normal();  // an absolute path replaces the folder
  entry.offset = find_seconds(object, "offset", place);
  entry.duration = find_seconds(object, "duration", place);
  entry.text = find_string(object, "text", place);
  entry.target_lang = find_string(object, "target_lang", place);
  if (!entry.target_lang) entry.target_lang = find_string(object, "lang", place);
  entry.line = place.line;
  return entry;
}

}  // namespace

std::optional<ManifestEntry> parse_manifest_line(std::string_view text, const fs::path& folder,
                                                 const std::string& file, int line) {
  if (line == 1 && text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
  if (text.find_first_not_of(" \t\r") == std::string_view::npos) return std::nullopt;
  json object;
  try {
    object = json::parse(text);
  } catch (const json::exception& error) {
    fail_bad_input("{}:{}: not JSON ({})", file, line, error.what());
  }
  if (object.is_object() && is_skipped(object)) return std::nullopt;
  return parse_entry(object, folder, {file, line});
}

std::vector<ManifestEntry> read_manifest(const fs::path& path) {
  if (fs::is_directory(path))
    fail_bad_input("{}: not a manifest (expected a file, got a folder)", path.string());
  std::ifstream file(path, std::ios::binary);
  if (!file) fail_bad_input("{}: cannot open the manifest (expected a file of JSON lines)", path.string());
  const fs::path folder = fs::absolute(path).parent_path();
  std::vector<ManifestEntry> entries;
  std::string text;
  for (Place place{path.string(), 1}; std::getline(file, text); ++place.line) {
    if (auto entry = parse_manifest_line(text, folder, place.file, place.line)) {
      entries.push_back(std::move(*entry));
    }
  }
  if (file.bad()) fail_bad_input("{}: cannot read the manifest", path.string());
  return entries;
}

}  // namespace glossa::data
