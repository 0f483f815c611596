// How --help looks: plain types, defaults in words, lines that fit a terminal.
#pragma once

#include <memory>

namespace CLI {
class FormatterBase;
}

namespace glossa::cli {

std::shared_ptr<CLI::FormatterBase> make_help_formatter();

}  // namespace glossa::cli
