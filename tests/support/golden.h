// The golden numbers: where they are and how their tensors are read.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace glossa::testing {

// tests/data/golden, or the folder named by GLOSSA_GOLDEN_DIR (same layout, other models and audio).
std::filesystem::path golden_dir();
// golden_dir()/models/NAME.nemo
std::filesystem::path golden_model_path(const std::string& name);

struct GoldenTensor {
  std::vector<std::int64_t> shape;
  std::vector<float> values;  // F64, I64, I32 and BOOL are converted
};

// A plain .safetensors file. Throws std::runtime_error when it is malformed.
std::map<std::string, GoldenTensor> read_safetensors(const std::filesystem::path& path);

// The files of a folder whose names start with `prefix` and end with `suffix`, sorted.
std::vector<std::filesystem::path> list_files(const std::filesystem::path& folder, const std::string& prefix,
                                              const std::string& suffix);

}  // namespace glossa::testing
