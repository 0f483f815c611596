// A YAML file with overrides applied and references followed, as OmegaConf does it.
#pragma once

#include <yaml-cpp/yaml.h>

#include <string>
#include <string_view>
#include <vector>

namespace glossa::train {

class ConfigTree {
 public:
  // Error kBadInput when the text is no YAML mapping. Empty text is an empty mapping.
  ConfigTree(const std::string& yaml, std::string source);

  const std::string& source() const { return source_; }

  // "a.b=value", "+a.b=value", "++a.b=value", "~a.b". Error kBadInput for anything else, and when a part of
  // the path has a value that is no mapping.
  void apply(const std::string& override_text);

  // Replaces ${a.b} everywhere. A reference to a key that is not there becomes null, and is listed in
  // `missing` as "key: ${target}". Error kBadInput for resolvers (${oc.env:HOME}) and circles.
  void resolve(std::vector<std::string>& missing);

  const YAML::Node& root() const { return root_; }

  // The node of a path; a null node when there is none.
  YAML::Node find(std::string_view path) const;
  void set(std::string_view path, const YAML::Node& value);
  void remove(std::string_view path);

 private:
  YAML::Node resolved(const YAML::Node& node, const std::string& key, int depth);

  std::string source_;
  YAML::Node root_;
  std::vector<std::string>* missing_ = nullptr;
};

// A node on one line: {a: 1, b: [x, "y z"]}.
std::string flow_style(const YAML::Node& node);
// A text as a YAML scalar that is read back as the same text.
std::string yaml_scalar(std::string_view text);

}  // namespace glossa::train
