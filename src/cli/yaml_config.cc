#include "cli/yaml_config.h"

#include <yaml-cpp/yaml.h>

#include <CLI/CLI.hpp>
#include <algorithm>
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
      CLI::ConfigItem& item = found.emplace_back();
      item.name = pair.first.as<std::string>();
      std::replace(item.name.begin(), item.name.end(), '_', '-');
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

std::shared_ptr<CLI::Config> make_yaml_config() { return std::make_shared<YamlConfig>(); }

}  // namespace glossa::cli
