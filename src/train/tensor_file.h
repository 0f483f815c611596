// Named f32 tensors and a few words in one file, in the safetensors format (checkpoint/safetensors_file.h).
#pragma once

#include <filesystem>
#include <map>
#include <string>

#include "train/state_dict.h"

namespace glossa::train {

using Metadata = std::map<std::string, std::string>;

// Whole under its name or not at all. Error kBadInput when the disk refuses.
void write_tensor_file(const std::filesystem::path& path, const StateDict& tensors, const Metadata& metadata);

struct TensorFile {
  StateDict tensors;
  Metadata metadata;
};

// Error kBadInput for a file that is no such file, is cut, or holds other types than F32.
TensorFile read_tensor_file(const std::filesystem::path& path);

}  // namespace glossa::train
