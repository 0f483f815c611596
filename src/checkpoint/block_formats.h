// ggml's block formats. All numbers are little-endian; scales are f16; nibble k of a byte is bits 4k to 4k
// + 3.
//   q8_0    32 values,  34 bytes: scale, 32 int8.                      value = q * scale
//   q4_0    32 values,  18 bytes: scale, 16 bytes of nibbles.          value = (q - 8) * scale
//   q4_k   256 values, 144 bytes: scale, min_scale, 12 bytes of eight 6-bit scales and eight 6-bit mins, 128
//          bytes of nibbles. Sub-blocks of 32: value = q * s_j * scale - m_j * min_scale
//   q5_k   256 values, 176 bytes: as q4_k with 32 bytes of fifth bits before the nibbles
//   q6_k   256 values, 210 bytes: 128 bytes of low nibbles, 64 of high bits, 16 int8 scales of 16 values
//          each, scale.                                                value = (q - 32) * s_j * scale
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "checkpoint/checkpoint.h"

namespace glossa::checkpoint {

// `bytes` are whole blocks of a block format; values has room for their numbers.
void dequantize(DType dtype, std::span<const std::byte> bytes, float* values);

// Values are finite and within f16; their number is whole blocks. Blocks go to `bytes`, which has room.
// q8_0 rounds as ggml does, to the bit.
void quantize_q8_0(std::span<const float> values, std::byte* bytes);
// Scale and minimum of each sub-block are searched for the smallest squared error.
void quantize_q4_k(std::span<const float> values, std::byte* bytes);

}  // namespace glossa::checkpoint
