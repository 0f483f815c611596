// The CPU kernels as a table of function pointers, one table per instruction set. A table may leave cells
// empty; the selection takes for each cell the first table that runs here. The scalar table fills every cell.
//
// This header is included by files compiled with instruction-set flags: declarations only, nothing inline.
#pragma once

#include <cstdint>

namespace glossa::backend {

// Values are part of the kernels' contract: 0 none, 1 relu, 2 swish (backend.h: Activation).
using KernelActivation = int;

// Packed weights come in panels of kPanel outputs whose inputs are padded with zeros to whole blocks of
// kBlock (packing.h has the layouts). Panel kernels compute all outputs of one panel: y[r][0 .. kPanel).
constexpr std::int64_t kPanel = 32;
constexpr std::int64_t kBlock = 32;

// The sums of a block's first and second half.
struct HalfSums {
  std::int32_t low = 0;
  std::int32_t high = 0;
};

// Rows of activations in 8 bits: x[r][i] is about scales[r] * values[r][i], |values| <= 127.
struct Int8Rows {
  const std::int8_t* values = nullptr;   // [rows, blocks * kBlock], zero behind the inputs
  std::int64_t stride = 0;               // bytes from one row to the next
  const float* scales = nullptr;         // [rows]
  const std::int32_t* totals = nullptr;  // [rows]: the sum of a row's values
  const std::int32_t* starts = nullptr;  // [rows, 2 * blocks]: -8 times the sum of each half block's values
  std::int64_t rows = 0;
  std::int64_t blocks = 0;
};

// In every table alike: NaN gives NaN, unless the cell says otherwise; relu makes 0 of it.
struct KernelTable {
  const char* name;
  bool (*runs_here)();

  // y[r][o] = sum over i of x[r][i] * w[o][i]. Each sum is formed in an order that depends on `inputs` alone.
  void (*matmul_f32)(const float* x, std::int64_t x_stride, std::int64_t rows, const float* w,
                     std::int64_t w_stride, std::int64_t outputs, std::int64_t inputs, float* y,
                     std::int64_t y_stride);
  // For each row y = activation(sums + bias), or y += scale * that when scale is not 0. bias may be null.
  void (*finish_rows_f32)(const float* sums, std::int64_t sums_stride, std::int64_t rows, std::int64_t n,
                          const float* bias, KernelActivation activation, float scale, float* y,
                          std::int64_t y_stride);
  void (*layer_norm_row_f32)(const float* x, std::int64_t n, const float* weight, const float* bias,
                             KernelActivation activation, float* y);
  // y = values * sigmoid(gates), by element.
  void (*glu_f32)(const float* values, const float* gates, std::int64_t n, float* y);
  // y = activation(bias + sum over t of inputs[t] * taps[t]), by element; a null input is absent. bias may be
  // null.
  void (*taps_row_f32)(const float* const* inputs, const float* taps, std::int64_t taps_stride,
                       std::int64_t count, std::int64_t n, const float* bias, KernelActivation activation,
                       float* y);
  // y = activation(bias + sum over r of factors[r] * rows[r]). bias may be null.
  void (*weighted_rows_f32)(const float* factors, const float* rows, std::int64_t stride, std::int64_t count,
                            std::int64_t n, const float* bias, KernelActivation activation, float* y);
  void (*add_f32)(const float* a, const float* b, std::int64_t n, KernelActivation activation, float* y);
  // In place: softmax of scale * x. One NaN makes all of them NaN.
  void (*softmax_row_f32)(float* x, std::int64_t n, float scale);
  void (*lstm_row_f32)(const float* gates, std::int64_t n, float* cell, float* hidden);
  // The first column of the largest value. NaN is passed over; of nothing else it is column 0.
  std::int64_t (*argmax_row_f32)(const float* x, std::int64_t n);
  // Sum of exp(scale * (x - shift)).
  float (*sum_exp_f32)(const float* x, std::int64_t n, float scale, float shift);

  // One row in 8 bits, rounded to nearest even with the scale max|x| / 127, which is returned. NaN counts as
  // 0. Whole blocks are written. total: one, starts: [2 * blocks] as in Int8Rows; both null or none.
  float (*quantize_row_int8)(const float* x, std::int64_t n, std::int8_t* values, std::int32_t* total,
                             std::int32_t* starts);
  // y[r][i] = scales[r] * values[r][i] of whole blocks: n is a multiple of kBlock, rows lie one after the
  // other.
  void (*widen_rows_int8)(const std::int8_t* values, const float* scales, std::int64_t rows, std::int64_t n,
                          float* y);
  void (*narrow_bf16)(const float* x, std::int64_t n, std::uint16_t* values);  // rounded to nearest even
  void (*widen_bf16)(const std::uint16_t* values, std::int64_t n, float* y);

  // Weights in bf16, activations and sums in f32, added in order of the inputs.
  void (*matmul_bf16)(const float* x, std::int64_t x_stride, std::int64_t rows, const std::uint16_t* panel,
                      std::int64_t inputs, float* y, std::int64_t y_stride);
  // Weights in 8 bits, one scale per output; integer sums.
  void (*matmul_int8)(const Int8Rows& x, const std::uint8_t* panel, float* y, std::int64_t y_stride);
  // Weights in 4 bits, one whole factor per output and half block, one scale per output; integer sums.
  void (*matmul_int4)(const Int8Rows& x, const std::uint8_t* panel, float* y, std::int64_t y_stride);

  // Arithmetic alone, in registers: the ceiling that speeds are compared with. Returns the operations done (a
  // multiply-add is two).
  double (*peak_f32)(std::int64_t iterations);
  double (*peak_int8)(std::int64_t iterations);
};

extern const KernelTable kScalarKernels;
bool scalar_runs_here();
#if defined(__x86_64__)
extern const KernelTable kAvx2Kernels;  // AVX2 and FMA
bool avx2_runs_here();
extern const KernelTable kAvxVnniKernels;  // and VNNI without AVX-512
bool avxvnni_runs_here();
extern const KernelTable kAvx512Kernels;  // AVX-512 F, BW, DQ, VL
bool avx512_runs_here();
extern const KernelTable kAvx512VnniKernels;  // and VNNI
bool avx512vnni_runs_here();
#endif
#if defined(__aarch64__)
extern const KernelTable kNeonKernels;
bool neon_runs_here();
extern const KernelTable kNeonDotprodKernels;  // and the dot product extension
bool neon_dotprod_runs_here();
#endif

}  // namespace glossa::backend
