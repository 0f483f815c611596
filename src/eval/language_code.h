// Language codes as manifests have them.
#pragma once

#include <string>
#include <string_view>

#include "glossa/types.hpp"

namespace glossa::eval {

// One spelling for those that a model's prompt table takes as one: "en_us", "EN-US" and "enUS" are "en-US",
// "JA" is "ja". What is no language with or without a region of two letters stays as it is.
std::string spelled_code(std::string_view code);

// What every stream of the model can be told: "auto" where the checkpoint has it, else its first language.
std::string any_language(const ModelInfo& model);

}  // namespace glossa::eval
