// What every reader of JSON lines shares: the walk over lines, and fields that say where they stand when they
// are wrong. For .cc files of this room.
#pragma once

#include <filesystem>
#include <functional>
#include <istream>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "data/cut.h"
#include "data/cut_sources.h"

namespace glossa::data {

// Where an entry stands, for messages.
struct Place {
  std::string file;
  int line = 0;  // 1-based
};

// What cannot be looked at (a name too long, no permission) is not there.
bool is_file(const std::filesystem::path& path);
bool is_folder(const std::filesystem::path& path);

// None when absent or null. Error kBadInput when it is of another type.
const nlohmann::json* find(const nlohmann::json& object, const char* key);
std::optional<std::string> find_string(const nlohmann::json& object, const char* key, const Place& place);
std::optional<double> find_seconds(const nlohmann::json& object, const char* key, const Place& place);
bool is_skipped(const nlohmann::json& object);  // "_skipme": the entry is to be passed over

// The JSON object of a line; none for a blank one. Error kBadInput for anything else. A byte order mark may
// stand before line 1.
std::optional<nlohmann::json> parse_json_line(std::string_view text, const Place& place);

// Calls entry(object, place) for every line that is not blank; `object` is a JSON object. What a line throws
// as kBadInput goes to `on_bad_line` when there is one.
using OnEntry = std::function<void(const nlohmann::json& object, const Place& place)>;
void for_each_json_line(std::istream& lines, const std::string& name, const BadLine& on_bad_line,
                        const OnEntry& entry);
void for_each_json_line(const std::filesystem::path& manifest, const BadLine& on_bad_line,
                        const OnEntry& entry);

// "audio_filepath" as written, not empty.
std::string audio_filepath(const nlohmann::json& object, const Place& place);

// Everything of a NeMo entry but where its sound lies: offset, duration, text, language, prompt_mode, source,
// line.
Cut parse_nemo_entry(const nlohmann::json& object, const Place& place, const SourceOptions& options);

// The cuts of a manifest of sound files that is already open.
void append_nemo_cuts(std::istream& lines, const std::string& name, const std::filesystem::path& folder,
                      const SourceOptions& options, std::vector<Cut>& cuts);

}  // namespace glossa::data
