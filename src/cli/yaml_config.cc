#include "cli/yaml_config.h"

#include <yaml-cpp/yaml.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cctype>
#include <cstdlib>
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
    for (const auto& pair : root) {
      std::string name = pair.first.as<std::string>();
      std::replace(name.begin(), name.end(), '_', '-');
      if (std::getenv(environment_name(name).c_str()) != nullptr) continue;
      CLI::ConfigItem& item = found.emplace_back();
      item.name = name;
      if (pair.second.IsSequence()) {
        for (const YAML::Node& value : pair.second) item.inputs.push_back(value.as<std::string>());
      } else if (pair.second.IsScalar()) {
        item.inputs.push_back(pair.second.as<std::string>());
      } else {
        throw CLI::ConfigError(item.name + " is neither a value nor a list");
      }
    }
    return found;
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
