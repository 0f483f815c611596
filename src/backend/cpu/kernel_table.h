// The CPU kernels as a table of function pointers, one table per instruction set. A table may leave cells
// empty; the selection takes for each cell the first table that runs here. The scalar table fills every cell.
//
// This header is included by files compiled with instruction-set flags: declarations only, nothing inline.
#pragma once

#include <cstdint>

namespace glossa::backend {

// Values are part of the kernels' contract: 0 none, 1 relu, 2 swish (backend.h: Activation).
using KernelActivation = int;

struct KernelTable {
  const char* name;
  bool (*runs_here)();

  // y[r][o] = sum over i of x[r][i] * w[o][i]. Each sum is formed in an order that depends on `inputs` alone.
  void (*matmul_f32)(const float* x, std::int64_t x_stride, std::int64_t rows, const float* w,
                     std::int64_t w_stride, std::int64_t outputs, std::int64_t inputs, float* y,
                     std::int64_t y_stride);
  // y = activation(sum + bias), or y += scale * that when scale is not 0. bias may be null.
  void (*finish_row_f32)(const float* sums, std::int64_t n, const float* bias, KernelActivation activation,
                         float scale, float* y);
  void (*layer_norm_row_f32)(const float* x, std::int64_t n, const float* weight, const float* bias,
                             KernelActivation activation, float* y);
  void (*glu_row_f32)(const float* x, std::int64_t n, float* y);
  // y = activation(bias + sum over t of inputs[t] * taps[t]), by element; a null input is absent. bias may be
  // null.
  void (*taps_row_f32)(const float* const* inputs, const float* taps, std::int64_t count, std::int64_t n,
                       const float* bias, KernelActivation activation, float* y);
  // y = activation(bias + sum over r of factors[r] * rows[r]). bias may be null.
  void (*weighted_rows_f32)(const float* factors, const float* rows, std::int64_t stride, std::int64_t count,
                            std::int64_t n, const float* bias, KernelActivation activation, float* y);
  void (*add_f32)(const float* a, const float* b, std::int64_t n, KernelActivation activation, float* y);
  // In place: softmax of scale * x.
  void (*softmax_row_f32)(float* x, std::int64_t n, float scale);
  void (*lstm_row_f32)(const float* gates, std::int64_t n, float* cell, float* hidden);
  std::int64_t (*argmax_row_f32)(const float* x, std::int64_t n);
  // Sum of exp(scale * (x - shift)).
  float (*sum_exp_f32)(const float* x, std::int64_t n, float scale, float shift);
};

extern const KernelTable kScalarKernels;
bool scalar_runs_here();
#if defined(__x86_64__)
extern const KernelTable kAvx2Kernels;  // AVX2 and FMA
bool avx2_runs_here();
extern const KernelTable kAvx512Kernels;  // AVX-512 F, BW, DQ, VL
bool avx512_runs_here();
#endif

}  // namespace glossa::backend
