// A YAML configuration as OmegaConf reads it: interpolations resolved, values asked for by key, errors in
// sentences.
#pragma once

#include <yaml-cpp/yaml.h>

#include <optional>
#include <string>
#include <string_view>

namespace glossa::checkpoint {

class ConfigSection;

class ConfigDocument {
 public:
  // Error kBadInput, naming `source`, when the text is no YAML mapping. A top-level "model:" wrapper is
  // unwrapped.
  ConfigDocument(const std::string& yaml, std::string source);

  const std::string& source() const { return source_; }
  ConfigSection root() const;

  // Follows ${a.b.c} until a value; `where` is for messages.
  YAML::Node resolve(YAML::Node node, const std::string& where) const;
  // The value of a key, resolved; an undefined node when the mapping has none.
  YAML::Node child(const YAML::Node& mapping, std::string_view key, const std::string& where) const;

 private:
  YAML::Node find_path(YAML::Node from, std::string_view path, const std::string& where) const;
  YAML::Node target_of(std::string_view path, const std::string& where) const;

  std::string source_;
  YAML::Node file_;   // the whole text
  YAML::Node model_;  // what describes the model: file_, or its "model:" section
  mutable int interpolations_ = 0;
  mutable int depth_ = 0;
};

// One mapping of the document. Keys below "params:" (older configs) count as its own. Absent, null and "???"
// values are the same: no value.
class ConfigSection {
 public:
  ConfigSection(const ConfigDocument& document, YAML::Node node, std::string path);

  bool exists() const { return node_.IsDefined() && node_.IsMap(); }
  bool has(std::string_view key) const { return value(key).has_value(); }
  bool mentions(std::string_view key) const;     // even if null
  std::string name(std::string_view key) const;  // full name of a key, for messages
  std::optional<YAML::Node> value(std::string_view key) const;
  ConfigSection section(std::string_view key) const;  // may not exist()
  ConfigSection required_section(std::string_view key) const;

  int integer(std::string_view key) const;  // Error when absent
  int integer_or(std::string_view key, int fallback) const;
  double number(std::string_view key) const;
  bool boolean_or(std::string_view key, bool fallback) const;
  std::optional<std::string> text(std::string_view key) const;
  std::optional<std::size_t> list_size(std::string_view key) const;

  // Refuse what this engine does not do. A key without a value is NeMo's `default_value`; an empty one means
  // that NeMo's default is not supported, so the key must be there.
  void expect_text(std::string_view key, std::string_view expected, std::string_view default_value) const;
  void expect_boolean(std::string_view key, bool expected, bool default_value) const;
  void expect_number(std::string_view key, double expected) const;  // when present
  void expect_null(std::string_view key) const;                     // or absent, or "None"

  [[noreturn]] void fail(std::string_view key,
                         std::string_view expected) const;  // "... is <found> (expected ...)"

  static std::string shown(const YAML::Node& node);  // a value in a message

 private:
  const ConfigDocument& document_;
  YAML::Node node_;
  std::string path_;
};

}  // namespace glossa::checkpoint
