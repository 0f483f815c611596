#include "train/nn/depthwise_kernels.h"

#include <algorithm>

// One copy per instruction set; the loader takes the best that runs.
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#define GLOSSA_CLONES __attribute__((target_clones("avx512f", "avx2,fma", "default"), optimize("O3")))
#else
#define GLOSSA_CLONES
#endif

namespace glossa::train {
namespace {

GLOSSA_CLONES void multiply_add(const float* __restrict a, const float* __restrict b, std::int64_t size,
                                float* __restrict sum) {
  for (std::int64_t index = 0; index < size; ++index) sum[index] += a[index] * b[index];
}

}  // namespace

void depthwise_row(const DepthwiseGeometry& geometry, const float* image, std::int64_t length,
                   const float* taps, const float* bias, std::int64_t out_row, float* output) {
  const std::int64_t channels = geometry.channels;
  for (std::int64_t out_col = 0; out_col < geometry.out_cols; ++out_col, output += channels) {
    if (bias != nullptr)
      std::copy_n(bias, channels, output);
    else
      std::fill_n(output, channels, 0.0f);
    for (std::int64_t tap_row = 0; tap_row < geometry.kernel_rows; ++tap_row) {
      const std::int64_t row = geometry.stride * out_row - (geometry.kernel_rows - 1) + tap_row;
      if (row < 0 || row >= length) continue;
      for (std::int64_t tap_col = 0; tap_col < geometry.kernel_cols; ++tap_col) {
        const std::int64_t col = geometry.stride * out_col - (geometry.kernel_cols - 1) + tap_col;
        if (col < 0 || col >= geometry.cols) continue;
        multiply_add(image + (row * geometry.cols + col) * channels,
                     taps + (tap_row * geometry.kernel_cols + tap_col) * channels, channels, output);
      }
    }
  }
}

void depthwise_input_gradient(const DepthwiseGeometry& geometry, const float* output_gradient,
                              const float* taps, std::int64_t row, float* gradient) {
  const std::int64_t channels = geometry.channels;
  std::fill_n(gradient, geometry.cols * channels, 0.0f);
  for (std::int64_t tap_row = 0; tap_row < geometry.kernel_rows; ++tap_row) {
    const std::int64_t scaled_row = row + (geometry.kernel_rows - 1) - tap_row;
    const std::int64_t out_row = scaled_row / geometry.stride;
    if (scaled_row % geometry.stride != 0 || out_row >= geometry.out_rows) continue;
    for (std::int64_t tap_col = 0; tap_col < geometry.kernel_cols; ++tap_col) {
      const float* tap = taps + (tap_row * geometry.kernel_cols + tap_col) * channels;
      for (std::int64_t out_col = 0; out_col < geometry.out_cols; ++out_col) {
        const std::int64_t col = geometry.stride * out_col - (geometry.kernel_cols - 1) + tap_col;
        if (col < 0 || col >= geometry.cols) continue;
        multiply_add(output_gradient + (out_row * geometry.out_cols + out_col) * channels, tap, channels,
                     gradient + col * channels);
      }
    }
  }
}

void depthwise_tap_gradient(const DepthwiseGeometry& geometry, const float* image, std::int64_t length,
                            const float* output_gradient, std::int64_t first, std::int64_t last, double* taps,
                            double* bias) {
  // Sums of a few hundred products in f32, those of the sums in f64.
  constexpr std::int64_t kChannels = 64;
  constexpr std::int64_t kSummed = 256;
  const std::int64_t channels = geometry.channels;
  float ones[kChannels];
  std::fill_n(ones, kChannels, 1.0f);
  for (std::int64_t channel = first; channel < last; channel += kChannels) {
    const std::int64_t count = std::min(kChannels, last - channel);
    float sum[kChannels] = {};
    std::int64_t summed = 0;
    const auto flush = [&](double* target) {
      for (std::int64_t index = 0; index < count; ++index) target[channel + index] += double{sum[index]};
      std::fill_n(sum, count, 0.0f);
      summed = 0;
    };
    const auto gradient_at = [&](std::int64_t out_row, std::int64_t out_col) {
      return output_gradient + (out_row * geometry.out_cols + out_col) * channels + channel;
    };
    for (std::int64_t tap = 0; tap < geometry.kernel_rows * geometry.kernel_cols; ++tap) {
      double* target = taps + tap * channels;
      for (std::int64_t out_row = 0; out_row < geometry.out_rows; ++out_row) {
        const std::int64_t row =
            geometry.stride * out_row - (geometry.kernel_rows - 1) + tap / geometry.kernel_cols;
        if (row < 0 || row >= length) continue;
        for (std::int64_t out_col = 0; out_col < geometry.out_cols; ++out_col) {
          const std::int64_t col =
              geometry.stride * out_col - (geometry.kernel_cols - 1) + tap % geometry.kernel_cols;
          if (col < 0 || col >= geometry.cols) continue;
          multiply_add(image + (row * geometry.cols + col) * channels + channel,
                       gradient_at(out_row, out_col), count, sum);
          if (++summed == kSummed) flush(target);
        }
      }
      flush(target);
    }
    if (bias == nullptr) continue;
    for (std::int64_t out_row = 0; out_row < geometry.out_rows; ++out_row) {
      for (std::int64_t out_col = 0; out_col < geometry.out_cols; ++out_col) {
        multiply_add(ones, gradient_at(out_row, out_col), count, sum);
        if (++summed == kSummed) flush(bias);
      }
    }
    flush(bias);
  }
}

}  // namespace glossa::train
