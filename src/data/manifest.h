// NeMo's JSON-lines manifests: one utterance a line.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace glossa::data {

struct ManifestEntry {
  std::filesystem::path audio_filepath;    // made absolute: relative paths count from the manifest's folder
  std::optional<double> offset;            // seconds into the file
  std::optional<double> duration;          // seconds
  std::optional<std::string> text;         // reference
  std::optional<std::string> target_lang;  // "target_lang", else "lang"
  int line = 0;                            // 1-based, for messages
};

// The keys of an entry's text and language.
struct ManifestFields {
  std::string text = "text";
  std::string lang = "target_lang";  // else "lang" is looked at
};

// One line: none for a blank one and for "_skipme": true. Relative paths count from `folder`. Error kBadInput
// names `file` and `line`.
std::optional<ManifestEntry> parse_manifest_line(const std::string& text, const std::filesystem::path& folder,
                                                 const std::string& file, int line);

// Error kBadInput names the file and line of what cannot be read. Blank lines and entries with "_skipme":
// true are passed over. An empty manifest gives no entries.
std::vector<ManifestEntry> read_manifest(const std::filesystem::path& path,
                                         const ManifestFields& fields = {});

}  // namespace glossa::data
