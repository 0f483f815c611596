// The arithmetic of one AdamW step on plain memory: every array is read and written once.
#pragma once

#include <cstdint>

namespace glossa::train {

// What a step multiplies with, computed in double once for a tensor.
struct AdamWFactors {
  float grad_scale;  // clipping; multiplied to the gradient first
  float keep;        // 1 - lr * weight_decay
  float beta1;
  float one_minus_beta1;
  float beta2;
  float one_minus_beta2;
  float root_bias2;  // sqrt(1 - beta2^step)
  float eps;
  float step_size;  // lr / (1 - beta1^step)
};

AdamWFactors adamw_factors(double lr, double beta1, double beta2, double eps, double weight_decay,
                           std::int64_t step, double grad_scale);

// In PyTorch's order of operations. The result does not depend on the instruction set.
void adamw_update(const AdamWFactors& factors, std::int64_t count, const float* grad, float* parameter,
                  float* exp_avg, float* exp_avg_sq);

// In double, in a fixed order. Not finite exactly when an element is not.
double sum_of_squares(std::int64_t count, const float* values);

}  // namespace glossa::train
