// YAML as the configuration file of a command.
#pragma once

#include <memory>

namespace CLI {
class Config;
}

namespace glossa::cli {

// Keys are long options without the dashes, `-` and `_` alike; lists give an option several values. An
// unknown key is an error of the command line. Precedence is CLI11's: the command line, then the environment,
// then the file.
std::shared_ptr<CLI::Config> make_yaml_config();

}  // namespace glossa::cli
