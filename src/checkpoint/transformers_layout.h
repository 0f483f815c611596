// Where a model's tensors are in a folder of Hugging Face's transformers: names, and the files of the folder.
// The shapes are NeMo's. docs/checkpoint.md.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace glossa::checkpoint {

inline constexpr const char* kConfigFile = "config.json";
inline constexpr const char* kGenerationFile = "generation_config.json";
inline constexpr const char* kProcessorFile = "processor_config.json";
inline constexpr const char* kPreprocessorFile = "preprocessor_config.json";  // of older folders
inline constexpr const char* kTokenizerFile = "tokenizer.json";
inline constexpr const char* kTokenizerConfigFile = "tokenizer_config.json";
inline constexpr const char* kSentencePieceFile = "tokenizer.model";  // glossa's addition: the .nemo's own
inline constexpr const char* kWeightsFile = "model.safetensors";

// Words of the weights' __metadata__, base64 of f32: the front end's constants where they are not those that
// glossa computes, bit for bit. glossa's addition; other programs compute their own.
inline constexpr const char* kWindowWord = "glossa.preprocessor_window";
inline constexpr const char* kFiltersWord = "glossa.preprocessor_fb";

// The name that transformers gives a tensor of NeMo's state dict.
std::string transformers_name(std::string_view nemo_name);

// The names that a folder may have it under: that one first, then those of the first exports.
std::vector<std::string> transformers_names(std::string_view nemo_name);

}  // namespace glossa::checkpoint
