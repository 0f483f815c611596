#include "train/optim/adamw_update.h"

#include <cmath>

#include "train/vector_clones.h"

// The loops below hold no product and sum that a compiler might fuse (-ffp-contract=off), so every clone
// gives the same bits.

namespace glossa::train {

AdamWFactors adamw_factors(double lr, double beta1, double beta2, double eps, double weight_decay,
                           std::int64_t step, double grad_scale) {
  const double bias1 = 1 - std::pow(beta1, static_cast<double>(step));
  const double bias2 = 1 - std::pow(beta2, static_cast<double>(step));
  return {.grad_scale = static_cast<float>(grad_scale),
          .keep = static_cast<float>(1 - lr * weight_decay),
          .beta1 = static_cast<float>(beta1),
          .one_minus_beta1 = static_cast<float>(1 - beta1),
          .beta2 = static_cast<float>(beta2),
          .one_minus_beta2 = static_cast<float>(1 - beta2),
          .root_bias2 = static_cast<float>(std::sqrt(bias2)),
          .eps = static_cast<float>(eps),
          .step_size = static_cast<float>(lr / bias1)};
}

GLOSSA_VECTOR_CLONES void adamw_update(const AdamWFactors& factors, std::int64_t count,
                                       const float* __restrict grad, float* __restrict parameter,
                                       float* __restrict exp_avg, float* __restrict exp_avg_sq) {
  const AdamWFactors f = factors;
  for (std::int64_t at = 0; at < count; ++at) {
    const float g = grad[at] * f.grad_scale;
    const float mean = exp_avg[at] * f.beta1 + g * f.one_minus_beta1;
    const float square = exp_avg_sq[at] * f.beta2 + f.one_minus_beta2 * g * g;
    exp_avg[at] = mean;
    exp_avg_sq[at] = square;
    parameter[at] = parameter[at] * f.keep - f.step_size * mean / (std::sqrt(square) / f.root_bias2 + f.eps);
  }
}

GLOSSA_VECTOR_CLONES double sum_of_squares(std::int64_t count, const float* __restrict values) {
  constexpr int kLanes = 8;  // fixed, so that the order of additions is
  double sums[kLanes] = {};
  std::int64_t at = 0;
  for (; at + kLanes <= count; at += kLanes) {
    for (int lane = 0; lane < kLanes; ++lane) {
      const double value = values[at + lane];
      sums[lane] += value * value;
    }
  }
  for (; at < count; ++at) sums[0] += double{values[at]} * values[at];
  double total = 0;
  for (const double sum : sums) total += sum;
  return total;
}

}  // namespace glossa::train
