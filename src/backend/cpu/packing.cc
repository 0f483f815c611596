#include "backend/cpu/packing.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <vector>

#include "base/half.h"

namespace glossa::backend {
namespace {

constexpr std::int64_t kGroup = 4;
constexpr std::int64_t kInt4Weights = kPanel * kBlock / 2;
constexpr std::int64_t kInt4PanelBlock = kInt4Weights + kPanel;
constexpr std::int64_t kHalf = kBlock / 2;
constexpr int kMostFactor = 15;
constexpr float kMiddle = 7.5f;  // of the largest q of either sign

// The nearest integer, ties to even, of |x| < 2^22: a form that compilers vectorise.
float nearest(float x) {
  constexpr float kMagic = 12582912.0f;  // 1.5 * 2^23
  return (x + kMagic) - kMagic;
}

float sum_of(const float (&lanes)[8]) {
  return ((lanes[0] + lanes[4]) + (lanes[1] + lanes[5])) + ((lanes[2] + lanes[6]) + (lanes[3] + lanes[7]));
}

float largest_of(const float* values, std::int64_t count) {
  float largest = 0;
  for (std::int64_t index = 0; index < count; ++index) largest = std::max(largest, std::abs(values[index]));
  return largest;
}

float to_nibble(float value, float inverse) {
  return std::min(std::max(nearest(value * inverse), -8.0f), 7.0f);
}

// sum(importance * (value - factor * q)^2).
float rounding_error(const float* values, const float* importance, float factor) {
  // In lanes, so that the sum vectorises without reordering by the compiler.
  constexpr std::int64_t kLanes = 8;
  const float inverse = 1.0f / factor;
  float lanes[kLanes] = {};
  for (std::int64_t first = 0; first < kHalf; first += kLanes) {
    for (std::int64_t lane = 0; lane < kLanes; ++lane) {
      const float off = values[first + lane] - factor * to_nibble(values[first + lane], inverse);
      lanes[lane] += importance[first + lane] * off * off;
    }
  }
  return sum_of(lanes);
}

// The factor with the least error among those for which the largest value comes to some 6 to 15 steps.
int search_int4_factor(const float* values, const float* importance) {
  const float steps = largest_of(values, kHalf) / kMiddle;
  const int low = std::max(1, static_cast<int>(std::floor(0.5f * steps)));
  const int high = std::min(kMostFactor, std::max(1, static_cast<int>(std::ceil(1.2f * steps))));
  int best = low;
  float least = rounding_error(values, importance, static_cast<float>(low));
  for (int factor = low + 1; factor <= high; ++factor) {
    const float error = rounding_error(values, importance, static_cast<float>(factor));
    if (error < least) {
      best = factor;
      least = error;
    }
  }
  return best;
}

void pack_bf16(Matrix<const float> weight, std::int64_t first, std::byte* out) {
  auto* target = reinterpret_cast<std::uint16_t*>(out);
  for (std::int64_t input = 0; input < weight.cols; ++input) {
    for (std::int64_t output = 0; output < kPanel; ++output) {
      const bool present = first + output < weight.rows;
      *target++ = present ? float_to_bf16(weight.row(first + output)[input]) : std::uint16_t{0};
    }
  }
}

void pack_int8(Matrix<const float> weight, std::int64_t first, std::byte* out) {
  const std::int64_t padded = blocks_of(weight.cols) * kBlock;
  auto* bytes = reinterpret_cast<std::uint8_t*>(out);
  std::memset(bytes, 128, static_cast<std::size_t>(padded * kPanel));
  float scales[kPanel] = {};
  for (std::int64_t output = 0; output < std::min(kPanel, weight.rows - first); ++output) {
    const float* row = weight.row(first + output);
    const float largest = largest_of(row, weight.cols);
    const float inverse = largest > 1e-30f ? 127.0f / largest : 0.0f;
    scales[output] = inverse == 0 ? 0.0f : largest / 127.0f;
    for (std::int64_t input = 0; input < weight.cols; ++input) {
      const float q = std::min(std::max(nearest(row[input] * inverse), -127.0f), 127.0f);
      bytes[(input / kGroup * kPanel + output) * kGroup + input % kGroup] =
          static_cast<std::uint8_t>(static_cast<int>(q) + 128);
    }
  }
  std::memcpy(bytes + padded * kPanel, scales, sizeof scales);
}

void pack_int4(Matrix<const float> weight, const float* importance, std::int64_t first, std::byte* out) {
  const std::int64_t blocks = blocks_of(weight.cols);
  const auto padded = static_cast<std::size_t>(blocks * kBlock);
  std::vector<float> values(padded);
  std::vector<float> counted(padded);
  for (std::int64_t input = 0; input < weight.cols; ++input)
    counted[static_cast<std::size_t>(input)] = importance != nullptr ? importance[input] : 1.0f;
  auto* panel = reinterpret_cast<std::uint8_t*>(out);
  for (std::int64_t block = 0; block < blocks; ++block) {
    std::memset(panel + block * kInt4PanelBlock, 0x88, kInt4Weights);
    std::memset(panel + block * kInt4PanelBlock + kInt4Weights, 0, kPanel);
  }
  float scales[kPanel] = {};
  for (std::int64_t output = 0; output < std::min(kPanel, weight.rows - first); ++output) {
    const float* row = weight.row(first + output);
    const float largest = largest_of(row, weight.cols);
    if (!(largest > 1e-30f)) continue;
    // In units of the smallest step: the largest is 7.5 of the largest factor's.
    const float unit = largest / (kMiddle * kMostFactor);
    const float inverse_unit = 1.0f / unit;
    for (std::int64_t input = 0; input < weight.cols; ++input)
      values[static_cast<std::size_t>(input)] =
          (input / kHalf % 2 == 0 ? inverse_unit : -inverse_unit) * row[input];
    // With the factors and q chosen, the best scale is sum(i v f q) / sum(i f q f q).
    double along = 0;
    double square = 0;
    for (std::int64_t half = 0; half < 2 * blocks; ++half) {
      std::uint8_t* block = panel + half / 2 * kInt4PanelBlock;
      const float* in = values.data() + half * kHalf;
      const float* importances = counted.data() + half * kHalf;
      const int factor = search_int4_factor(in, importances);
      const int shift = half % 2 == 0 ? 0 : 4;
      block[kInt4Weights + output] |= static_cast<std::uint8_t>(factor << shift);
      const float inverse = 1.0f / static_cast<float>(factor);
      for (std::int64_t input = 0; input < kHalf; ++input) {
        const int q = static_cast<int>(to_nibble(in[input], inverse));
        std::uint8_t& pair = block[(input / kGroup * kPanel + output) * kGroup + input % kGroup];
        pair = static_cast<std::uint8_t>((pair & ~(15 << shift)) | (q + 8) << shift);
        const double product = factor * q;
        along += importances[input] * in[input] * product;
        square += importances[input] * product * product;
      }
    }
    scales[output] = square > 0 ? static_cast<float>(along / square) * unit : 0.0f;
  }
  std::memcpy(panel + blocks * kInt4PanelBlock, scales, sizeof scales);
}

}  // namespace

std::int64_t panel_bytes(WeightFormat format, std::int64_t inputs) {
  switch (format) {
    case WeightFormat::kBF16:
      return inputs * kPanel * 2;
    case WeightFormat::kInt8:
      return blocks_of(inputs) * kBlock * kPanel + kPanel * 4;
    case WeightFormat::kInt4:
      return blocks_of(inputs) * kInt4PanelBlock + kPanel * 4;
    case WeightFormat::kF32:
      break;
  }
  return 0;
}

void pack_panel(WeightFormat format, Matrix<const float> weight, const float* importance, std::int64_t panel,
                std::byte* out) {
  const std::int64_t first = panel * kPanel;
  if (format == WeightFormat::kBF16) pack_bf16(weight, first, out);
  if (format == WeightFormat::kInt8) pack_int8(weight, first, out);
  if (format == WeightFormat::kInt4) pack_int4(weight, importance, first, out);
}

}  // namespace glossa::backend
