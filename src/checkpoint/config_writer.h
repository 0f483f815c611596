// ModelConfig -> model_config.yaml, for checkpoints that come from a file without one.
#pragma once

#include <string>
#include <string_view>

#include "checkpoint/config_parser.h"
#include "model/model_config.h"

namespace glossa::checkpoint {

// Artifacts that the configuration refers to.
inline constexpr const char* kTokenizerArtifact = "tokenizer.model";
inline constexpr const char* kVocabularyArtifact = "vocab.txt";
inline constexpr const char* kPieceArtifact = "tokenizer.vocab";

// Whether write_config() can write a language of the prompt dictionary: printable ASCII.
bool is_writable_language(std::string_view language);

// A configuration from which parse_config() makes `config` and `extras` again and NeMo the same model; what
// only training needs is left to NeMo's defaults. `config` is validated; its languages are writable.
std::string write_config(const model::ModelConfig& config, const ConfigExtras& extras);

}  // namespace glossa::checkpoint
