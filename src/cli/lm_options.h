// --lm and --lm-alpha: a language model that the search leans on.
#pragma once

#include <filesystem>
#include <memory>

#include "cli/nemo_keys.h"
#include "glossa/recognizer.hpp"

namespace CLI {
class App;
}

namespace glossa::cli {

struct LmOptions {
  std::filesystem::path file;  // empty: none
  float alpha = kDefaultLmAlpha;
};

void add_lm_options(CLI::App& command, LmOptions& options);

// As NeMo: a model without a weight is not asked.
LmOptions lm_options(const NemoKeys& keys);

// What can be known to be wrong before a model is loaded: Error kInvalidArgument or kBadInput.
void check(const LmOptions& options);

// Null when none is asked for. Error kBadInput for a file that is none of this checkpoint's.
std::shared_ptr<const LanguageModel> load_language_model(const LmOptions& options,
                                                         const Recognizer& recognizer);

}  // namespace glossa::cli
