// A tensor's numbers in another format.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "checkpoint/checkpoint.h"

namespace glossa::checkpoint {

// Rounded to nearest even (f32, f16, bf16) or quantised (q8_0, q4_k); rows must be whole blocks. Error
// kInvalidArgument, naming `source` and the tensor, for a number that the format cannot hold.
std::vector<std::byte> encode(const TensorView& tensor, DType dtype, const std::string& source);

}  // namespace glossa::checkpoint
