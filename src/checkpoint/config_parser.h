// model_config.yaml -> ModelConfig. parse_model_config() of checkpoint.h is the public half.
#pragma once

#include <string>
#include <string_view>

#include "model/model_config.h"

namespace glossa::checkpoint {

struct ParsedConfig {
  model::ModelConfig config;    // validated
  std::string tokenizer_model;  // tokenizer.model_path as written, e.g. "nemo:<name>"; empty when absent
};

// Error kBadInput, naming `source`, the key, what was expected and what was found, for everything this engine
// does not compute exactly as NeMo does.
ParsedConfig parse_config(const std::string& yaml, const std::string& source);

// What the engine does not need and other file formats store.
struct ConfigExtras {
  std::string name;  // of the model; empty when absent
  double dither = 1e-5;
  int pos_emb_max_len = 5000;
};

// Of a text that parse_config() accepts.
ConfigExtras parse_config_extras(const std::string& yaml, const std::string& source);

// A language of the prompt dictionary. A YAML 1.1 writer turns the key "no" (Norwegian) into the boolean
// false.
std::string prompt_language(std::string_view key);

}  // namespace glossa::checkpoint
