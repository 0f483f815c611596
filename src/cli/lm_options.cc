#include "cli/lm_options.h"

#include <CLI/CLI.hpp>

#include "base/fail.h"
#include "base/log.h"

namespace glossa::cli {

void add_lm_options(CLI::App& command, LmOptions& options) {
  command
      .add_option("--lm", options.file,
                  "Language model that the search leans on: an ARPA file of `glossa lm` or of NeMo's "
                  "train_kenlm.py for this checkpoint (default: none)")
      ->type_name("FILE");
  command
      .add_option("--lm-alpha", options.alpha,
                  "Its weight beside the model's own opinion: above 0 and at most 5")
      ->type_name("X")
      ->capture_default_str();
}

LmOptions lm_options(const NemoKeys& keys) {
  LmOptions options;
  if (keys.ngram_lm_model.empty()) return options;
  if (keys.ngram_lm_alpha == 0) {
    log::warning("ngram_lm_model= is not used: ngram_lm_alpha= is 0");
    return options;
  }
  options = {.file = keys.ngram_lm_model, .alpha = keys.ngram_lm_alpha};
  check(options);
  return options;
}

void check(const LmOptions& options) {
  if (!(options.alpha > 0 && options.alpha <= kMostLmAlpha))
    fail_invalid_argument("--lm-alpha is {}, expected above 0 and at most {}", options.alpha, kMostLmAlpha);
  if (!options.file.empty() && !std::filesystem::is_regular_file(options.file))
    fail_bad_input("{}: no such file (expected an ARPA language model, from --lm)", options.file.string());
}

std::shared_ptr<const LanguageModel> load_language_model(const LmOptions& options,
                                                         const Recognizer& recognizer) {
  return options.file.empty() ? nullptr : recognizer.load_language_model(options.file);
}

}  // namespace glossa::cli
