// Where a model's tensors are in a GGUF file: NVIDIA's names, shapes and number formats. docs/checkpoint.md.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "checkpoint/checkpoint.h"
#include "model/tensor_spec.h"

namespace glossa::checkpoint {

inline constexpr const char* kGgufPositions = "encoder.pos_enc.pe";  // the table of relative positions

struct GgufPlace {
  std::string name;
  std::vector<std::int64_t> shape;
};

// None for preprocessor.featurizer.window, which such files do not have; kGgufWindow stands for it.
std::optional<GgufPlace> gguf_place(const model::TensorSpec& spec);

// What a tensor is stored in when linear layers are to be `wanted`: f16 where rows are no whole blocks and
// for the weights of other layers, f32 for what is small. All tensors stay f32 when that is wanted.
DType gguf_dtype(const GgufPlace& place, DType wanted);

}  // namespace glossa::checkpoint
