#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>

#include "base/half.h"
#include "checkpoint/block_formats.h"

namespace glossa::checkpoint {
namespace {

constexpr int kSubBlock = 32;
constexpr int kSubBlocks = 8;
constexpr int kLanes = 8;  // partial sums, so that the compiler may use vectors
constexpr float kMostLevel = 15;
constexpr float kMostPacked = 63;  // of a 6-bit scale or minimum

// To the nearest whole number; for values far below 2^22.
float round_to_whole(float value) {
  constexpr float kShift = 0x1.8p23f;
  return (value + kShift) - kShift;
}

// Between 0 and `most`; by value, which compilers turn into vectors where they do not for std::clamp.
float bounded(float value, float most) {
  value = value > 0 ? value : 0;
  return value < most ? value : most;
}

float to_f16_and_back(float value, std::uint8_t* to) {
  const std::uint16_t bits = float_to_f16(value);
  std::memcpy(to, &bits, sizeof(bits));
  return f16_to_float(bits);
}

float total(const std::array<float, kLanes>& lanes) {
  static_assert(kLanes == 8);
  return ((lanes[0] + lanes[4]) + (lanes[2] + lanes[6])) + ((lanes[1] + lanes[5]) + (lanes[3] + lanes[7]));
}

// value = level * scale - minimum, minimum >= 0.
struct Steps {
  float scale = 0;
  float minimum = 0;
};

struct Sums {
  float levels = 0;
  float squared_levels = 0;
  float products = 0;  // level * value
};

// Of the levels that `inverse` gives to the values: round((value - low) * inverse), 0 to 15.
Sums sums_of(const float* values, float low, float inverse) {
  float level[kSubBlock];
  for (int index = 0; index < kSubBlock; ++index)
    level[index] = bounded(round_to_whole((values[index] - low) * inverse), kMostLevel);
  std::array<float, kLanes> levels{};
  std::array<float, kLanes> squares{};
  std::array<float, kLanes> products{};
  for (std::size_t begin = 0; begin < kSubBlock; begin += kLanes) {
    for (std::size_t lane = 0; lane < kLanes; ++lane) {
      levels[lane] += level[begin + lane];
      squares[lane] += level[begin + lane] * level[begin + lane];
      products[lane] += level[begin + lane] * values[begin + lane];
    }
  }
  return {total(levels), total(squares), total(products)};
}

// Least squares for given levels, and by how much they miss, up to a term that all levels share.
Steps fitted(const Sums& sums, float sum_of_values, float& error) {
  constexpr float kCount = kSubBlock;
  Steps steps;
  const float spread = kCount * sums.squared_levels - sums.levels * sums.levels;
  if (spread > 0) steps.scale = (kCount * sums.products - sums.levels * sum_of_values) / spread;
  steps.minimum = (steps.scale * sums.levels - sum_of_values) / kCount;
  if (steps.minimum < 0 && sums.squared_levels > 0) {
    steps.minimum = 0;
    steps.scale = sums.products / sums.squared_levels;
  }
  const auto [scale, minimum] = steps;
  error = scale * scale * sums.squared_levels + kCount * minimum * minimum -
          2 * scale * minimum * sums.levels - 2 * scale * sums.products + 2 * minimum * sum_of_values;
  return steps;
}

// The best of a row of step sizes around the one that just spans the values: a little smaller, and the
// outermost values are cut; a little larger, and levels stay unused.
Steps search(const float* values) {
  constexpr int kCandidates = 10;
  constexpr float kFirstSpan = 13.0f;
  constexpr float kSpanStep = 0.4f;
  const auto [smallest, largest] = std::minmax_element(values, values + kSubBlock);
  const float low = std::min(*smallest, 0.0f);
  const float range = *largest - low;
  if (!(range > 1e-30f)) return {0, -low};
  std::array<float, kLanes> lanes{};
  for (int begin = 0; begin < kSubBlock; begin += kLanes) {
    for (std::size_t lane = 0; lane < kLanes; ++lane)
      lanes[lane] += values[static_cast<std::size_t>(begin) + lane];
  }
  const float sum_of_values = total(lanes);
  Steps best{range / kMostLevel, -low};
  float least = std::numeric_limits<float>::infinity();
  for (int candidate = 0; candidate < kCandidates; ++candidate) {
    const float span = kFirstSpan + kSpanStep * static_cast<float>(candidate);
    float error = 0;
    const Steps steps = fitted(sums_of(values, low, span / range), sum_of_values, error);
    if (error < least && steps.scale > 0 && steps.minimum >= 0) {
      least = error;
      best = steps;
    }
  }
  return best;
}

// A scale or minimum in units of `unit`.
int packed(float value, float unit) {
  return unit > 0 ? static_cast<int>(std::clamp(round_to_whole(value / unit), 0.0f, kMostPacked)) : 0;
}

void pack_scales(const std::array<int, kSubBlocks>& scales, const std::array<int, kSubBlocks>& minimums,
                 std::uint8_t* to) {
  for (std::size_t j = 0; j < 4; ++j) {
    to[j] = static_cast<std::uint8_t>(scales[j] | (scales[j + 4] >> 4) << 6);
    to[j + 4] = static_cast<std::uint8_t>(minimums[j] | (minimums[j + 4] >> 4) << 6);
    to[j + 8] = static_cast<std::uint8_t>((scales[j + 4] & 15) | (minimums[j + 4] & 15) << 4);
  }
}

void pack_q4_k(const float* values, std::uint8_t* block) {
  std::array<Steps, kSubBlocks> steps;
  float largest_scale = 0;
  float largest_minimum = 0;
  for (std::size_t j = 0; j < kSubBlocks; ++j) {
    steps[j] = search(values + kSubBlock * j);
    largest_scale = std::max(largest_scale, steps[j].scale);
    largest_minimum = std::max(largest_minimum, steps[j].minimum);
  }
  const float scale = to_f16_and_back(largest_scale / kMostPacked, block);
  const float min_scale = to_f16_and_back(largest_minimum / kMostPacked, block + 2);
  std::array<int, kSubBlocks> scales;
  std::array<int, kSubBlocks> minimums;
  std::uint8_t levels[kSubBlock * kSubBlocks];
  for (std::size_t j = 0; j < kSubBlocks; ++j) {
    scales[j] = packed(steps[j].scale, scale);
    minimums[j] = packed(steps[j].minimum, min_scale);
    const float step = scale * static_cast<float>(scales[j]);
    const float minimum = min_scale * static_cast<float>(minimums[j]);
    for (std::size_t index = kSubBlock * j; index < kSubBlock * (j + 1); ++index) {
      const float level = step > 0 ? (values[index] + minimum) / step : 0;
      levels[index] = static_cast<std::uint8_t>(round_to_whole(std::clamp(level, 0.0f, kMostLevel)));
    }
  }
  pack_scales(scales, minimums, block + 4);
  for (std::size_t pair = 0; pair < 4; ++pair) {
    const std::uint8_t* low = levels + 2 * kSubBlock * pair;
    for (std::size_t index = 0; index < kSubBlock; ++index) {
      block[16 + kSubBlock * pair + index] =
          static_cast<std::uint8_t>(low[index] | low[kSubBlock + index] << 4);
    }
  }
}

void pack_q8_0(const float* values, std::uint8_t* block) {
  constexpr float kMostLevel8 = 127;
  float largest = 0;
  for (int index = 0; index < kSubBlock; ++index) largest = std::max(largest, std::abs(values[index]));
  const float scale = largest / kMostLevel8;
  const bool vanishes = to_f16_and_back(scale, block) == 0;
  // The levels follow from the scale before it is rounded, as in ggml.
  const float inverse = vanishes ? 0 : 1 / scale;
  for (int index = 0; index < kSubBlock; ++index) {
    const float level = values[index] * inverse;
    const int whole = static_cast<int>(level);
    const float rest = level - static_cast<float>(whole);
    block[2 + index] = static_cast<std::uint8_t>(whole + (rest >= 0.5f) - (rest <= -0.5f));
  }
}

}  // namespace

void quantize_q8_0(std::span<const float> values, std::byte* bytes) {
  auto* block = reinterpret_cast<std::uint8_t*>(bytes);
  for (std::size_t begin = 0; begin < values.size(); begin += kSubBlock, block += dtype_size(DType::kQ8_0))
    pack_q8_0(values.data() + begin, block);
}

void quantize_q4_k(std::span<const float> values, std::byte* bytes) {
  auto* block = reinterpret_cast<std::uint8_t*>(bytes);
  constexpr std::size_t kBlock = kSubBlock * kSubBlocks;
  for (std::size_t begin = 0; begin < values.size(); begin += kBlock, block += dtype_size(DType::kQ4_K))
    pack_q4_k(values.data() + begin, block);
}

}  // namespace glossa::checkpoint
