// The metadata of a GGUF file -> ModelConfig.
#pragma once

#include <string_view>

#include "checkpoint/config_parser.h"
#include "checkpoint/gguf_file.h"
#include "model/model_config.h"

namespace glossa::checkpoint {

// Every latency setting of the model, [left, right] one after the other: glossa's addition to NVIDIA's
// layout.
inline constexpr const char* kGgufAttContexts = "glossa.att_context_sizes";

// The front end's window, where it is not the one that glossa computes, bit for bit: glossa's addition, too.
inline constexpr const char* kGgufWindow = "glossa.preprocessor_window";

struct GgufConfig {
  model::ModelConfig config;  // validated
  ConfigExtras extras;
};

// Error kBadInput, naming the key, what was expected and what was found, for what this engine does not
// compute exactly as NeMo does.
GgufConfig read_gguf_config(const GgufFile& file);

}  // namespace glossa::checkpoint
