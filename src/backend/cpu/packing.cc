#include "backend/cpu/packing.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>

#include "base/half.h"

namespace glossa::backend {
namespace {

constexpr std::int64_t kGroup = 4;
constexpr std::int64_t kInt4Weights = kPanel * kBlock / 2;

using Block = std::array<float, kBlock>;

// The nearest integer, ties to even, of |x| < 2^22: a form that compilers vectorise.
float nearest(float x) {
  constexpr float kMagic = 12582912.0f;  // 1.5 * 2^23
  return (x + kMagic) - kMagic;
}

float sum_of(const float (&lanes)[8]) {
  return ((lanes[0] + lanes[4]) + (lanes[1] + lanes[5])) + ((lanes[2] + lanes[6]) + (lanes[3] + lanes[7]));
}

float to_nibble(float value, float inverse) {
  return std::min(std::max(nearest(value * inverse), -8.0f), 7.0f);
}

// The scale with the least squared error sum(importance * (value - scale * q)^2), q in -8 .. 7. For given q
// the best scale is sum(i v q) / sum(i q q), which lowers the error by sum(i v q)^2 / sum(i q q): the
// rounding with the largest such gain among those that a range of scales produce wins.
float search_int4_scale(const Block& values, const Block& importance) {
  float extreme = 0;
  for (const float value : values) {
    if (std::abs(value) > std::abs(extreme)) extreme = value;
  }
  if (!(std::abs(extreme) > 1e-30f)) return 0;
  float best_gain = 0;
  float best_scale = 0;
  // The extreme value maps to -8 at the grid's middle; a negative scale makes that possible for either sign.
  constexpr int kSteps = 9;
  for (int step = -kSteps; step <= kSteps; ++step) {
    const float inverse = -(8.0f + 0.25f * static_cast<float>(step)) / extreme;
    // In lanes, so that the sums vectorise without reordering by the compiler.
    constexpr std::size_t kLanes = 8;
    float vq_lanes[kLanes] = {};
    float qq_lanes[kLanes] = {};
    for (std::size_t first = 0; first < values.size(); first += kLanes) {
      for (std::size_t lane = 0; lane < kLanes; ++lane) {
        const float q = to_nibble(values[first + lane], inverse);
        const float iq = importance[first + lane] * q;
        vq_lanes[lane] += iq * values[first + lane];
        qq_lanes[lane] += iq * q;
      }
    }
    const float vq = sum_of(vq_lanes);
    const float qq = sum_of(qq_lanes);
    const float gain = qq > 0 ? vq * vq / qq : 0.0f;
    if (gain > best_gain) {
      best_gain = gain;
      best_scale = vq / qq;
    }
  }
  return best_scale;
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
    float largest = 0;
    for (std::int64_t input = 0; input < weight.cols; ++input)
      largest = std::max(largest, std::abs(row[input]));
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
  constexpr std::int64_t kPanelBlock = kInt4Weights + kPanel * 2;
  const std::int64_t blocks = blocks_of(weight.cols);
  for (std::int64_t block = 0; block < blocks; ++block, out += kPanelBlock) {
    auto* nibbles = reinterpret_cast<std::uint8_t*>(out);
    std::uint16_t scales[kPanel] = {};
    std::memset(nibbles, 0x88, kInt4Weights);
    const std::int64_t first_input = block * kBlock;
    const std::int64_t inputs = std::min(kBlock, weight.cols - first_input);
    Block factors{};
    for (std::int64_t input = 0; input < inputs; ++input) {
      factors[static_cast<std::size_t>(input)] =
          importance != nullptr ? importance[first_input + input] : 1.0f;
    }
    for (std::int64_t output = 0; output < std::min(kPanel, weight.rows - first); ++output) {
      Block values{};
      std::copy_n(weight.row(first + output) + first_input, inputs, values.begin());
      scales[output] = float_to_bf16(search_int4_scale(values, factors));
      const float scale = bf16_to_float(scales[output]);
      const float inverse = scale != 0 ? 1.0f / scale : 0.0f;
      for (std::int64_t input = 0; input < kBlock; ++input) {
        const auto q = static_cast<std::uint8_t>(
            static_cast<int>(to_nibble(values[static_cast<std::size_t>(input)], inverse)) + 8);
        const std::int64_t half = input % (kBlock / 2);
        std::uint8_t& pair = nibbles[(half / kGroup * kPanel + output) * kGroup + half % kGroup];
        pair = input < kBlock / 2 ? static_cast<std::uint8_t>((pair & 0xf0) | q)
                                  : static_cast<std::uint8_t>((pair & 0x0f) | q << 4);
      }
    }
    std::memcpy(nibbles + kInt4Weights, scales, sizeof scales);
  }
}

}  // namespace

std::int64_t panel_bytes(WeightFormat format, std::int64_t inputs) {
  switch (format) {
    case WeightFormat::kBF16:
      return inputs * kPanel * 2;
    case WeightFormat::kInt8:
      return blocks_of(inputs) * kBlock * kPanel + kPanel * 4;
    case WeightFormat::kInt4:
      return blocks_of(inputs) * (kInt4Weights + kPanel * 2);
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
