#include "cli/yaml_config.h"

#include <yaml-cpp/yaml.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <set>
#include <string>
#include <vector>

namespace glossa::cli {
namespace {

class YamlConfig final : public CLI::Config {
 public:
  std::string to_config(const CLI::App*, bool, bool, std::string) const override { return {}; }

  std::vector<CLI::ConfigItem> from_config(std::istream& input) const override {
    std::vector<CLI::ConfigItem> found;
    YAML::Node root;
    try {
      root = YAML::Load(input);
    } catch (const YAML::Exception& error) {
      throw CLI::ConfigError("the configuration is not YAML: " + std::string(error.what()));
    }
    if (root.IsNull()) return found;
    if (!root.IsMap()) throw CLI::ConfigError("the configuration is not a map of options");
    std::set<std::string> names;
    for (const auto& pair : root) {
      if (!pair.first.IsScalar())
        throw CLI::ConfigError("a key of the configuration is a list or a map, expected an option's name");
      std::string name = pair.first.Scalar();
      std::replace(name.begin(), name.end(), '_', '-');
      if (!names.insert(name).second)
        throw CLI::ConfigError(name + " is given twice in the configuration (expected once)");
      if (is_set(environment_name(name))) continue;
      CLI::ConfigItem& item = found.emplace_back();
      item.name = name;
      if (pair.second.IsSequence()) {
        for (const YAML::Node& value : pair.second) item.inputs.push_back(text_of(value, name));
      } else {
        item.inputs.push_back(text_of(pair.second, name));
      }
    }
    return found;
  }

 private:
  // As CLI11 reads the environment: an empty variable says nothing.
  static bool is_set(const std::string& variable) {
    const char* value = std::getenv(variable.c_str());
    return value != nullptr && *value != '\0';
  }

  static std::string text_of(const YAML::Node& node, const std::string& name) {
    if (!node.IsScalar()) throw CLI::ConfigError(name + " is neither a value nor a list of values");
    return node.Scalar();
  }
};

}  // namespace

std::string environment_name(std::string_view option) {
  std::string name = "GLOSSA_";
  for (const char letter : option)
    name += letter == '-' ? '_' : static_cast<char>(std::toupper(static_cast<unsigned char>(letter)));
  return name;
}

std::shared_ptr<CLI::Config> make_yaml_config() { return std::make_shared<YamlConfig>(); }

}  // namespace glossa::cli
