#include <cstdint>
#include <cstring>
#include <utility>

#include "base/fail.h"
#include "base/half.h"
#include "checkpoint/block_formats.h"

namespace glossa::checkpoint {
namespace {

using Block = const std::uint8_t*;

float f16_at(Block block) {
  std::uint16_t bits;
  std::memcpy(&bits, block, sizeof(bits));
  return f16_to_float(bits);
}

void unpack_q8_0(Block block, float* values) {
  const float scale = f16_at(block);
  for (int index = 0; index < 32; ++index)
    values[index] = static_cast<float>(static_cast<std::int8_t>(block[2 + index])) * scale;
}

void unpack_q4_0(Block block, float* values) {
  const float scale = f16_at(block);
  for (int index = 0; index < 16; ++index) {
    values[index] = static_cast<float>((block[2 + index] & 15) - 8) * scale;
    values[16 + index] = static_cast<float>((block[2 + index] >> 4) - 8) * scale;
  }
}

// The 6-bit scale and minimum of sub-block j: those of the last four keep their upper two bits in the top of
// the bytes of the first four.
std::pair<int, int> scale_and_min(Block packed, int j) {
  if (j < 4) return {packed[j] & 63, packed[j + 4] & 63};
  return {(packed[j + 4] & 15) | (packed[j - 4] >> 6) << 4, packed[j + 4] >> 4 | (packed[j] >> 6) << 4};
}

// q4_k and q5_k; without fifth bits `high` is null. A pair of sub-blocks shares 32 bytes, one nibble each.
void unpack_k(Block block, Block high, Block nibbles, float* values) {
  const float scale = f16_at(block);
  const float min_scale = f16_at(block + 2);
  for (int j = 0; j < 8; ++j) {
    const auto [s, m] = scale_and_min(block + 4, j);
    const float step = scale * static_cast<float>(s);
    const float minimum = min_scale * static_cast<float>(m);
    Block pair = nibbles + 32 * (j / 2);
    for (int index = 0; index < 32; ++index) {
      int q = pair[index] >> (4 * (j % 2)) & 15;
      if (high != nullptr) q |= (high[index] >> j & 1) << 4;
      values[32 * j + index] = step * static_cast<float>(q) - minimum;
    }
  }
}

void unpack_q4_k(Block block, float* values) { unpack_k(block, nullptr, block + 16, values); }
void unpack_q5_k(Block block, float* values) { unpack_k(block, block + 16, block + 48, values); }

// Two halves of 128 values; in each, 32 columns of four values 32 apart.
void unpack_q6_k(Block block, float* values) {
  const float scale = f16_at(block + 208);
  for (int half = 0; half < 2; ++half) {
    Block low = block + 64 * half;
    Block high = block + 128 + 32 * half;
    Block scales = block + 192 + 8 * half;
    for (int row = 0; row < 4; ++row) {
      for (int column = 0; column < 32; ++column) {
        const int nibble = low[32 * (row % 2) + column] >> (4 * (row / 2)) & 15;
        const int q = (nibble | (high[column] >> (2 * row) & 3) << 4) - 32;
        const auto s = static_cast<std::int8_t>(scales[2 * row + column / 16]);
        values[128 * half + 32 * row + column] = scale * static_cast<float>(s) * static_cast<float>(q);
      }
    }
  }
}

template <class Unpack>
void each_block(DType dtype, std::span<const std::byte> bytes, float* values, Unpack unpack) {
  const auto* block = reinterpret_cast<Block>(bytes.data());
  for (std::size_t left = bytes.size() / dtype_size(dtype); left > 0; --left) {
    unpack(block, values);
    block += dtype_size(dtype);
    values += block_size(dtype);
  }
}

}  // namespace

void dequantize(DType dtype, std::span<const std::byte> bytes, float* values) {
  switch (dtype) {
    case DType::kQ8_0:
      return each_block(dtype, bytes, values, unpack_q8_0);
    case DType::kQ4_0:
      return each_block(dtype, bytes, values, unpack_q4_0);
    case DType::kQ4_K:
      return each_block(dtype, bytes, values, unpack_q4_k);
    case DType::kQ5_K:
      return each_block(dtype, bytes, values, unpack_q5_k);
    case DType::kQ6_K:
      return each_block(dtype, bytes, values, unpack_q6_k);
    default:
      fail_invalid_argument("{} is no block format", dtype_name(dtype));
  }
}

}  // namespace glossa::checkpoint
