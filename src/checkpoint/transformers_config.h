// The configuration files of a folder of Hugging Face's transformers <-> ModelConfig. The keys are those of
// Nemotron3_5AsrConfig, NemotronAsrStreamingConfig (the English sibling, without prompt) and their
// processors.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "checkpoint/config_parser.h"
#include "checkpoint/transformers_folder.h"
#include "model/model_config.h"

namespace glossa::checkpoint {

struct TransformersConfig {
  model::ModelConfig config;  // validated
  ConfigExtras extras;
};

// A key that is absent has the value that transformers gives it, where that says what was trained; a folder
// without a list of look-aheads has its default alone. Error kBadInput, naming file, key, what was expected
// and what was found, for what this engine does not compute exactly as NeMo does; sizes that no model has go
// by NeMo's key.
TransformersConfig read_transformers_config(const TransformersFolder& folder);

// config.json, generation_config.json and processor_config.json: names and texts. `padding_id`: of <pad> in
// the vocabulary, 0 without one. Error kInvalidArgument, naming `source`, for what transformers' classes
// cannot hold: latency settings of different left contexts, a joint that is not as wide as the predictor,
// languages that are not UTF-8.
std::vector<std::pair<std::string, std::string>> write_transformers_config(const model::ModelConfig& config,
                                                                           const ConfigExtras& extras,
                                                                           DType dtype, int padding_id,
                                                                           const std::string& source);

}  // namespace glossa::checkpoint
