// YAML as the configuration file of a command.
#pragma once

#include <memory>
#include <string>
#include <string_view>

namespace CLI {
class Config;
}

namespace glossa::cli {

// The environment variable of a long option: that of "http-port" is GLOSSA_HTTP_PORT.
std::string environment_name(std::string_view option);

// Keys are long options without the dashes, `-` and `_` alike; lists give an option several values. An
// unknown key is an error of the command line, and so is one given twice. The command line goes before the
// file, and so does the environment: a key whose environment_name() is set, and not empty, is passed over
// (CLI11 alone asks the environment last).
std::shared_ptr<CLI::Config> make_yaml_config();

}  // namespace glossa::cli
