// A manifest as its lines, good and bad, for whoever looks at all of them or writes them again.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "data/manifest.h"

namespace glossa::data {

struct ManifestLine {
  int line = 0;                        // 1-based
  std::string raw;                     // without the line end
  std::optional<ManifestEntry> entry;  // none: `problem` says why
  std::string problem;
  std::string speaker;  // empty: not given
  std::string source;   // "source", else "dataset"; empty: not given
};

struct ManifestText {
  std::filesystem::path path;
  std::vector<ManifestLine> lines;  // without blank ones and those with "_skipme"
};

// Error kBadInput only when the file cannot be read at all.
ManifestText read_manifest_text(const std::filesystem::path& path);

// Changes single values of a JSON object's text and leaves every other byte as it is.
class JsonLine {
 public:
  explicit JsonLine(std::string text);  // a JSON object that has been parsed before

  // `json`: the new value as JSON text. A key that is not there is added at the end.
  void set(std::string_view key, std::string_view json);
  void rename(std::string_view key, std::string_view new_key);  // nothing when it is not there
  bool has(std::string_view key) const;                         // and its value is not null
  std::string string_of(std::string_view key) const;            // empty when it is not there or no string
  const std::string& text() const { return text_; }

 private:
  struct Member {
    std::size_t key_begin = 0;  // the quote
    std::size_t key_end = 0;
    std::size_t value_begin = 0;
    std::size_t value_end = 0;
  };
  std::optional<Member> find(std::string_view key) const;

  std::string text_;
};

// A string as JSON text; invalid UTF-8 is replaced.
std::string json_string(std::string_view text);

}  // namespace glossa::data
