#include "data/json_lines.h"

#include <cmath>
#include <fstream>

#include "base/fail.h"
#include "base/lfs_pointer.h"
#include "text/json_text.h"
#include "text/utf8.h"

namespace glossa::data {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

// What was said, whether or not the value is text: a transcript "42" is often written as a number.
std::string shown(const json& value) { return text::json_text(value); }

}  // namespace

std::optional<json> parse_json_line(std::string_view text, const Place& place) {
  if (place.line == 1) text = text::without_byte_order_mark(text);
  if (text.find_first_not_of(" \t\r") == std::string_view::npos) return std::nullopt;
  if (place.line == 1 && is_lfs_pointer(text)) fail_lfs_pointer(place.file);
  json object;
  try {
    object = json::parse(text);
  } catch (const json::exception& error) {
    fail_bad_input("{}:{}: not JSON ({})", place.file, place.line, error.what());
  }
  if (!object.is_object()) {
    fail_bad_input("{}:{}: not a manifest entry (expected a JSON object, got {})", place.file, place.line,
                   object.type_name());
  }
  return object;
}

bool is_file(const fs::path& path) {
  std::error_code ignored;
  return fs::is_regular_file(path, ignored);
}

bool is_folder(const fs::path& path) {
  std::error_code ignored;
  return fs::is_directory(path, ignored);
}

const json* find(const json& object, const char* key) {
  const auto found = object.find(key);
  return found == object.end() || found->is_null() ? nullptr : &*found;
}

std::optional<std::string> find_string(const json& object, const char* key, const Place& place) {
  const json* value = find(object, key);
  if (value == nullptr) return std::nullopt;
  if (!value->is_string()) {
    fail_bad_input("{}:{}: \"{}\" must be a string (got {})", place.file, place.line, key, shown(*value));
  }
  return value->get<std::string>();
}

std::optional<double> find_seconds(const json& object, const char* key, const Place& place) {
  const json* value = find(object, key);
  if (value == nullptr) return std::nullopt;
  if (!value->is_number() || !std::isfinite(value->get<double>()) || value->get<double>() < 0) {
    fail_bad_input("{}:{}: \"{}\" must be a number of seconds, 0 or more (got {})", place.file, place.line,
                   key, shown(*value));
  }
  return value->get<double>();
}

bool is_skipped(const json& object) {
  const json* value = find(object, "_skipme");
  return value != nullptr &&
         ((value->is_boolean() && value->get<bool>()) || (value->is_number() && *value != 0));
}

void for_each_json_line(std::istream& lines, const std::string& name, const BadLine& on_bad_line,
                        const OnEntry& entry) {
  std::string text;
  for (Place place{name, 1}; std::getline(lines, text); ++place.line) {
    try {
      if (const auto object = parse_json_line(text, place)) entry(*object, place);
    } catch (const Error& error) {
      if (!on_bad_line || error.code() != ErrorCode::kBadInput) throw;
      on_bad_line(error.what());
    }
  }
  if (lines.bad()) fail_bad_input("{}: cannot read the manifest", name);
}

void for_each_json_line(const fs::path& manifest, const BadLine& on_bad_line, const OnEntry& entry) {
  if (is_folder(manifest))
    fail_bad_input("{}: not a manifest (expected a file, got a folder)", manifest.string());
  std::ifstream file(manifest, std::ios::binary);
  if (!file) {
    fail_bad_input("{}: cannot open the manifest (expected a file of JSON lines)", manifest.string());
  }
  for_each_json_line(file, manifest.string(), on_bad_line, entry);
}

std::string audio_filepath(const json& object, const Place& place) {
  auto audio = find_string(object, "audio_filepath", place);
  if (!audio || audio->empty()) {
    fail_bad_input("{}:{}: no audio_filepath (expected the path of a sound file)", place.file, place.line);
  }
  return *std::move(audio);
}

Cut parse_nemo_entry(const json& object, const Place& place, const SourceOptions& options) {
  Cut cut;
  cut.offset = find_seconds(object, "offset", place).value_or(0);
  cut.duration = find_seconds(object, "duration", place).value_or(0);
  const auto text = find_string(object, options.fields.text.c_str(), place);
  if (!text && options.needs_text) {
    fail_bad_input("{}:{}: no {} (expected what is said, \"\" where nothing is)", place.file, place.line,
                   options.fields.text);
  }
  cut.text = text.value_or("");
  auto lang = find_string(object, options.fields.lang.c_str(), place);
  if (!lang) lang = find_string(object, "lang", place);
  cut.target_lang = lang.value_or("");
  cut.frame_labels = find_string(object, "frame_labels", place).value_or("");
  cut.prompt_mode = find_string(object, "prompt_mode", place).value_or("");
  cut.source = place.file;
  cut.line = place.line;
  return cut;
}

}  // namespace glossa::data
