// Loops of the causal depthwise convolution on the CPU, channels last and without torch. libtorch's own need
// seconds where these need milliseconds: its 1.13 has no fast path for strided depthwise images.
#pragma once

#include <cstdint>

namespace glossa::train {

// Images [batch, rows, cols, channels] -> [batch, out_rows, out_cols, channels]; output (r, c) sees the
// input's rows stride r - (kernel_rows - 1) ... stride r, and columns alike. Taps [kernel_rows, kernel_cols,
// channels].
struct DepthwiseGeometry {
  std::int64_t rows = 0;
  std::int64_t cols = 0;
  std::int64_t channels = 0;
  std::int64_t out_rows = 0;
  std::int64_t out_cols = 0;
  std::int64_t kernel_rows = 0;
  std::int64_t kernel_cols = 0;
  std::int64_t stride = 0;
};

// One output row of one image; input rows from `length` on count as zero.
void depthwise_row(const DepthwiseGeometry& geometry, const float* image, std::int64_t length,
                   const float* taps, const float* bias, std::int64_t out_row, float* output);

// The gradient of one input row, row < length, of one image.
void depthwise_input_gradient(const DepthwiseGeometry& geometry, const float* output_gradient,
                              const float* taps, std::int64_t row, float* gradient);

// Adds one image's part of the gradient of the taps [kernel_rows, kernel_cols, channels] and, where wanted,
// of the bias, for the channels [first, last).
void depthwise_tap_gradient(const DepthwiseGeometry& geometry, const float* image, std::int64_t length,
                            const float* output_gradient, std::int64_t first, std::int64_t last, double* taps,
                            double* bias);

}  // namespace glossa::train
