// The tensors of a torch.save() zip (model_weights.ckpt), checked against the list of tensors that the model
// has.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "checkpoint/checkpoint.h"
#include "model/tensor_spec.h"

namespace glossa::checkpoint {

// In the order of `specs`, absent optional ones left out. Contiguous tensors point into `zip`; others are
// copied into `storage`. Error kBadInput, naming `source` and the first tensor that is missing, unknown,
// misshapen or of another type than f32, f16 or bf16.
std::vector<TensorView> read_torch_zip(std::span<const std::byte> zip,
                                       std::span<const model::TensorSpec> specs, const std::string& source,
                                       std::vector<std::vector<std::byte>>& storage);

}  // namespace glossa::checkpoint
