#include "train/dropout_mask.h"

#include <algorithm>

#include "train/vector_clones.h"

namespace glossa::train {
namespace {

GLOSSA_VECTOR_CLONES void drop(const float* row, std::int64_t size, DropoutKeys keys, std::uint32_t threshold,
                               float scale, float* output) {
#pragma omp simd
  for (std::int64_t h = 0; h < size; ++h) {
    std::uint32_t x = static_cast<std::uint32_t>(h) * 0x9E3779B9U + keys.first;
    x ^= x >> 16;
    x *= 0x7FEB352DU;
    x ^= x >> 15;
    x += keys.second;
    x *= 0x846CA68BU;
    x ^= x >> 16;
    output[h] = x < threshold ? 0 : row[h] * scale;
  }
}

}  // namespace

DropoutKeys dropout_keys(std::uint64_t seed, std::int64_t row) {
  // splitmix64 (Steele, Lea, Flood 2014), twice so that seeds and rows do not add up to each other.
  const auto mix = [](std::uint64_t z) {
    z += 0x9E3779B97F4A7C15U;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9U;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBU;
    return z ^ (z >> 31);
  };
  const std::uint64_t keys = mix(mix(seed) + static_cast<std::uint64_t>(row));
  return {static_cast<std::uint32_t>(keys >> 32), static_cast<std::uint32_t>(keys)};
}

std::uint32_t dropout_threshold(double probability) {
  return static_cast<std::uint32_t>(std::min(probability * 4294967296.0, 4294967295.0));
}

void drop_row(const float* row, std::int64_t size, DropoutKeys keys, double probability, float* output) {
  drop(row, size, keys, dropout_threshold(probability), static_cast<float>(1 / (1 - probability)), output);
}

}  // namespace glossa::train
