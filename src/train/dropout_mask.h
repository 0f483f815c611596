// Dropout whose mask is a function of seed, row and element: the backward pass, any tile, thread and device
// find it again, and no mask is stored. Plain C++, no tensors.
#pragma once

#include <cstdint>

namespace glossa::train {

// Two keys of a row, and element h's 32 random bits:
//   x = h * 0x9E3779B9 + first;  x ^= x >> 16;  x *= 0x7FEB352D;  x ^= x >> 15;  x += second;  x *=
//   0x846CA68B; x ^= x >> 16        (all modulo 2^32; dropped when x < threshold)
struct DropoutKeys {
  std::uint32_t first = 0;
  std::uint32_t second = 0;
};
DropoutKeys dropout_keys(std::uint64_t seed, std::int64_t row);
std::uint32_t dropout_threshold(double probability);

// output = row with elements dropped and the others times 1 / (1 - probability). output may be row.
void drop_row(const float* row, std::int64_t size, DropoutKeys keys, double probability, float* output);

}  // namespace glossa::train
