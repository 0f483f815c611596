// A JSON object of a configuration file: values asked for by key, errors in sentences.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace glossa::checkpoint {

// Parses a small text into an object whose keys keep their order. Error kBadInput, naming `source`, for
// anything else.
nlohmann::ordered_json parse_json_object(const std::string& text, const std::string& source);

// An absent key and null are the same, no value, but where a number is expected. Views the object, which must
// outlive it.
class JsonSection {
 public:
  // `source`: the file; `path`: of this object in it, empty for the whole.
  JsonSection(const nlohmann::ordered_json& object, std::string source, std::string path = {});

  const nlohmann::ordered_json* value(std::string_view key) const;  // or nullptr
  std::optional<JsonSection> section(std::string_view key) const;   // Error when it is no object

  // Error kBadInput when the value is of another type; without a value, `absent`.
  int integer(std::string_view key, int absent) const;
  bool boolean(std::string_view key, bool absent) const;
  std::vector<int> integers(std::string_view key) const;  // empty without a value

  // Refuse what this engine does not do; an absent key is as expected, and so is null but for a number, of
  // which it may mean another one.
  void expect_text(std::string_view key, std::string_view expected) const;
  void expect_integer(std::string_view key, int expected) const;
  void expect_number(std::string_view key, double expected) const;

  [[noreturn]] void fail(std::string_view key,
                         std::string_view expected) const;  // "FILE: a.b.key is <found> (expected ...)"

 private:
  int as_integer(const nlohmann::ordered_json& value, std::string_view key) const;

  const nlohmann::ordered_json* object_;
  std::string source_;
  std::string path_;
};

}  // namespace glossa::checkpoint
