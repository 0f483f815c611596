// The table of sines and cosines behind relative attention. Source: Transformer-XL with NeMo's interleaved
// table, PE(m)[2k] = sin(m w_k), PE(m)[2k + 1] = cos(m w_k), w_k = 10000^(-2k / d_model).
#pragma once

#include <cstdint>

namespace glossa::model {

// PE(position) into row[0, d_model).
void encode_position(std::int64_t position, int d_model, float* row);

}  // namespace glossa::model
