#include "train/loss/logit_rows.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "train/vector_clones.h"

namespace glossa::train {
namespace {

// Below exp(-50) = 2e-22 a probability is taken as 0: nothing that is summed here sees it, and products with
// it would become subnormal numbers, on which some CPUs' multiply-adds are slow.
constexpr float kSmallestLog = -50.0F;

// exp(x) for x <= 0, to 2 units in the last place; NaN stays NaN. Written so that compilers vectorise it.
inline __attribute__((always_inline)) float exp_of_nonpositive(float x) {
  constexpr float kLog2E = 1.44269504F;
  constexpr float kLn2High = 0.693359375F;
  constexpr float kLn2Low = -2.12194440e-4F;
  constexpr float kRounder = 12582912.0F;  // 1.5 * 2^23: adding it leaves the nearest integer in the low bits
  const float clipped = x < kSmallestLog ? kSmallestLog : x;
  const float shifted = clipped * kLog2E + kRounder;
  const float power = shifted - kRounder;
  const float rest = clipped - power * kLn2High - power * kLn2Low;
  float sum = 1.9875691500e-4F;  // Cephes' expf
  sum = sum * rest + 1.3981999507e-3F;
  sum = sum * rest + 8.3334519073e-3F;
  sum = sum * rest + 4.1665795894e-2F;
  sum = sum * rest + 1.6666665459e-1F;
  sum = sum * rest + 5.0000001201e-1F;
  sum = sum * rest * rest + rest + 1.0F;
  const auto bits = std::bit_cast<std::uint32_t>(shifted) << 23;
  const float scale = std::bit_cast<float>(bits + 0x3F800000U);
  return x < kSmallestLog ? 0.0F : sum * scale;
}

constexpr std::int64_t kBlock = 1024;  // f32 sums of one block are added up in f64

GLOSSA_VECTOR_CLONES float add_bias_and_find_max(float* logits, const float* bias, std::int64_t classes) {
  float largest = logits[0] + bias[0];
#pragma omp simd reduction(max : largest)
  for (std::int64_t k = 0; k < classes; ++k) {
    logits[k] += bias[k];
    largest = logits[k] > largest ? logits[k] : largest;
  }
  return largest;
}

GLOSSA_VECTOR_CLONES float find_max(const float* logits, std::int64_t classes) {
  float largest = logits[0];
#pragma omp simd reduction(max : largest)
  for (std::int64_t k = 0; k < classes; ++k) largest = logits[k] > largest ? logits[k] : largest;
  return largest;
}

GLOSSA_VECTOR_CLONES float sum_exp(const float* logits, float largest, std::int64_t count) {
  float sum = 0;
#pragma omp simd reduction(+ : sum)
  for (std::int64_t k = 0; k < count; ++k) sum += exp_of_nonpositive(logits[k] - largest);
  return sum;
}

GLOSSA_VECTOR_CLONES void scaled_softmax(const float* logits, float log_sum, float scale,
                                         std::int64_t classes, float* gradient) {
#pragma omp simd
  for (std::int64_t k = 0; k < classes; ++k) gradient[k] = scale * exp_of_nonpositive(logits[k] - log_sum);
}

GLOSSA_VECTOR_CLONES void scaled_softmax_with_bias(const float* logits, const float* bias, float log_sum,
                                                   float scale, std::int64_t classes, float* gradient) {
#pragma omp simd
  for (std::int64_t k = 0; k < classes; ++k)
    gradient[k] = scale * exp_of_nonpositive(logits[k] + bias[k] - log_sum);
}

GLOSSA_VECTOR_CLONES void clamp_and_scale(float* gradient, std::int64_t classes, float clamp, float scale) {
#pragma omp simd
  for (std::int64_t k = 0; k < classes; ++k) {
    const float low = gradient[k] < -clamp ? -clamp : gradient[k];
    gradient[k] = scale * (low > clamp ? clamp : low);
  }
}

GLOSSA_VECTOR_CLONES void relu_of_sum(const float* encoder, const float* predictor, std::int64_t size,
                                      float* hidden) {
#pragma omp simd
  for (std::int64_t h = 0; h < size; ++h) {
    const float sum = encoder[h] + predictor[h];
    hidden[h] = sum < 0 ? 0 : sum;
  }
}

}  // namespace

void hidden_row(const float* encoder, const float* predictor, std::int64_t size, const HiddenDropout& dropout,
                std::int64_t row, float* hidden) {
  relu_of_sum(encoder, predictor, size, hidden);
  if (dropout.probability <= 0) return;
  drop_row(hidden, size, dropout_keys(dropout.seed, row), dropout.probability, hidden);
}

GLOSSA_VECTOR_CLONES void add_hidden_gradient(const float* hidden, const float* hidden_gradient, float scale,
                                              std::int64_t begin, std::int64_t end, float* encoder_gradient,
                                              float* predictor_gradient) {
#pragma omp simd
  for (std::int64_t h = begin; h < end; ++h) {
    const float passed = hidden[h] > 0 ? hidden_gradient[h] * scale : 0;
    encoder_gradient[h] += passed;
    predictor_gradient[h] += passed;
  }
}

RowLogProbs normalise_row(float* logits, const float* bias, std::int64_t classes, std::int64_t label) {
  const float largest =
      bias != nullptr ? add_bias_and_find_max(logits, bias, classes) : find_max(logits, classes);
  double sum = 0;
  for (std::int64_t begin = 0; begin < classes; begin += kBlock)
    sum += sum_exp(logits + begin, largest, std::min(kBlock, classes - begin));
  const float log_sum = largest + static_cast<float>(std::log(sum));
  return {log_sum, logits[classes - 1] - log_sum, label < 0 ? 0 : logits[label] - log_sum};
}

void gradient_row(const float* logits, const float* bias, std::int64_t classes, const RowPosteriors& row,
                  float scale, float clamp, float* gradient) {
  const float factor = clamp > 0 ? 1 : scale;
  const float occupancy = factor * (row.blank + row.label);
  if (bias != nullptr)
    scaled_softmax_with_bias(logits, bias, row.log_sum, occupancy, classes, gradient);
  else
    scaled_softmax(logits, row.log_sum, occupancy, classes, gradient);
  gradient[classes - 1] -= factor * row.blank;
  if (row.target >= 0) gradient[row.target] -= factor * row.label;
  if (clamp > 0) clamp_and_scale(gradient, classes, clamp, scale);
}

}  // namespace glossa::train
