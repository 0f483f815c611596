// The f32 kernels, written once over Vec, the vocabulary that each file of targets/ defines before it
// includes this one. Vec::max(a, b) is b where a is NaN; where b is NaN instruction sets differ, so what may
// be NaN comes first. Everything is in an anonymous namespace: a function shared with a file compiled for
// another instruction set could become the whole program's copy. No include guard on purpose: one inclusion
// per target file.
//
// Order of summation. A product sum over `inputs` elements is kept in Vec::kWidth lanes, lane l adding
// elements l, l + kWidth, ... by fused multiply-add; the lanes are then added in the fixed order of
// Vec::reduce_add. Neither the tile a sum was computed in nor the number of rows and outputs around it
// changes that.

namespace glossa::backend {
namespace {

// The loops over a tile's sums: without it g++ keeps large tiles in memory.
#define GLOSSA_UNROLL _Pragma("GCC unroll 32")

using Reg = Vec::Reg;
constexpr std::int64_t kWidth = Vec::kWidth;

// Calls body(position, count) for the vectors of [0, n): count is kWidth but for a shorter last one.
template <class Body>
void for_each_vector(std::int64_t n, const Body& body) {
  std::int64_t position = 0;
  for (; position + kWidth <= n; position += kWidth) body(position, kWidth);
  if (position < n) body(position, n - position);
}

Reg load(const float* p, std::int64_t count) {
  return count == kWidth ? Vec::load(p) : Vec::load_part(p, count);
}

void store(float* p, Reg value, std::int64_t count) {
  if (count == kWidth)
    Vec::store(p, value);
  else
    Vec::store_part(p, value, count);
}

Reg sigmoid(Reg x) {
  const Reg one = Vec::set1(1.0f);
  return Vec::div(one, Vec::add(one, Vec::exp(Vec::sub(Vec::zero(), x))));
}

// tanh(x) = 2 sigmoid(2 x) - 1: absolute error of a few 1e-7.
Reg tanh(Reg x) { return Vec::sub(Vec::mul(Vec::set1(2.0f), sigmoid(Vec::add(x, x))), Vec::set1(1.0f)); }

Reg activate(Reg x, KernelActivation activation) {
  if (activation == 1) return Vec::max(x, Vec::zero());
  if (activation == 2) return Vec::mul(x, sigmoid(x));
  return x;
}

// kPrefetch: the weights of the next outputs are fetched while these are computed. A memory-bound product
// gains from it, and every weight passes through exactly one first tile.
template <int kRows, int kOutputs, bool kPrefetch>
void matmul_tile(const float* x, std::int64_t x_stride, const float* w, std::int64_t w_stride,
                 std::int64_t inputs, float* y, std::int64_t y_stride) {
  Reg sums[kOutputs][kRows];
  GLOSSA_UNROLL for (int output = 0; output < kOutputs; ++output) {
    GLOSSA_UNROLL for (int row = 0; row < kRows; ++row) sums[output][row] = Vec::zero();
  }
  std::int64_t position = 0;
  for (; position + kWidth <= inputs; position += kWidth) {
    Reg x_row[kRows];
    GLOSSA_UNROLL for (int row = 0; row < kRows; ++row) x_row[row] = Vec::load(x + row * x_stride + position);
    GLOSSA_UNROLL for (int output = 0; output < kOutputs; ++output) {
      const Reg w_row = Vec::load(w + output * w_stride + position);
      if constexpr (kPrefetch) __builtin_prefetch(w + (output + kOutputs) * w_stride + position, 0, 2);
      GLOSSA_UNROLL for (int row = 0; row < kRows; ++row) sums[output][row] =
          Vec::fma(x_row[row], w_row, sums[output][row]);
    }
  }
  if (position < inputs) {
    const std::int64_t rest = inputs - position;
    GLOSSA_UNROLL for (int output = 0; output < kOutputs; ++output) {
      const Reg w_row = Vec::load_part(w + output * w_stride + position, rest);
      GLOSSA_UNROLL for (int row = 0; row < kRows; ++row) {
        const Reg x_row = Vec::load_part(x + row * x_stride + position, rest);
        sums[output][row] = Vec::fma(x_row, w_row, sums[output][row]);
      }
    }
  }
  GLOSSA_UNROLL for (int row = 0; row < kRows; ++row) {
    if constexpr (kOutputs == 4) {
      Vec::reduce_add4(sums[0][row], sums[1][row], sums[2][row], sums[3][row], y + row * y_stride);
    } else {
      GLOSSA_UNROLL for (int output = 0; output < kOutputs; ++output) {
        y[row * y_stride + output] = Vec::reduce_add(sums[output][row]);
      }
    }
  }
}

// The tile of a row count known at run time: the largest that fits, found by counting kRows down.
template <int kRows, int kOutputs, bool kPrefetch>
void matmul_tile_of(std::int64_t rows, const float* x, std::int64_t x_stride, const float* w,
                    std::int64_t w_stride, std::int64_t inputs, float* y, std::int64_t y_stride) {
  if constexpr (kRows > 1) {
    if (rows < kRows) {
      matmul_tile_of<kRows - 1, kOutputs, kPrefetch>(rows, x, x_stride, w, w_stride, inputs, y, y_stride);
      return;
    }
  }
  matmul_tile<kRows, kOutputs, kPrefetch>(x, x_stride, w, w_stride, inputs, y, y_stride);
}

// All rows times a few outputs, in tiles of nearly equal height.
template <int kOutputs>
void matmul_column(const float* x, std::int64_t x_stride, std::int64_t rows, const float* w,
                   std::int64_t w_stride, std::int64_t inputs, float* y, std::int64_t y_stride) {
  const std::int64_t tiles = (rows + Vec::kTileRows - 1) / Vec::kTileRows;
  std::int64_t row = 0;
  for (std::int64_t tile = 0; tile < tiles; ++tile) {
    const std::int64_t height = (rows - row + tiles - tile - 1) / (tiles - tile);
    const float* x_tile = x + row * x_stride;
    float* y_tile = y + row * y_stride;
    if (tile == 0) {
      matmul_tile_of<Vec::kTileRows, kOutputs, true>(height, x_tile, x_stride, w, w_stride, inputs, y_tile,
                                                     y_stride);
    } else {
      matmul_tile_of<Vec::kTileRows, kOutputs, false>(height, x_tile, x_stride, w, w_stride, inputs, y_tile,
                                                      y_stride);
    }
    row += height;
  }
}

void matmul_f32(const float* x, std::int64_t x_stride, std::int64_t rows, const float* w,
                std::int64_t w_stride, std::int64_t outputs, std::int64_t inputs, float* y,
                std::int64_t y_stride) {
  if (rows == 0) return;
  std::int64_t output = 0;
  for (; output + 4 <= outputs; output += 4) {
    matmul_column<4>(x, x_stride, rows, w + output * w_stride, w_stride, inputs, y + output, y_stride);
  }
  for (; output < outputs; ++output) {
    matmul_column<1>(x, x_stride, rows, w + output * w_stride, w_stride, inputs, y + output, y_stride);
  }
}

template <KernelActivation kActivation>
void finish_rows(const float* sums, std::int64_t sums_stride, std::int64_t rows, std::int64_t n,
                 const float* bias, float scale, float* y, std::int64_t y_stride) {
  for (std::int64_t row = 0; row < rows; ++row) {
    for_each_vector(n, [&](std::int64_t position, std::int64_t count) {
      Reg value = load(sums + row * sums_stride + position, count);
      if (bias != nullptr) value = Vec::add(value, load(bias + position, count));
      value = activate(value, kActivation);
      float* target = y + row * y_stride + position;
      if (scale != 0) value = Vec::fma(Vec::set1(scale), value, load(target, count));
      store(target, value, count);
    });
  }
}

void finish_rows_f32(const float* sums, std::int64_t sums_stride, std::int64_t rows, std::int64_t n,
                     const float* bias, KernelActivation activation, float scale, float* y,
                     std::int64_t y_stride) {
  if (activation == 0) finish_rows<0>(sums, sums_stride, rows, n, bias, scale, y, y_stride);
  if (activation == 1) finish_rows<1>(sums, sums_stride, rows, n, bias, scale, y, y_stride);
  if (activation == 2) finish_rows<2>(sums, sums_stride, rows, n, bias, scale, y, y_stride);
}

void layer_norm_row_f32(const float* x, std::int64_t n, const float* weight, const float* bias,
                        KernelActivation activation, float* y) {
  Reg sum = Vec::zero();
  for_each_vector(
      n, [&](std::int64_t position, std::int64_t count) { sum = Vec::add(sum, load(x + position, count)); });
  const Reg mean = Vec::set1(Vec::reduce_add(sum) / static_cast<float>(n));
  Reg squares = Vec::zero();
  for_each_vector(n, [&](std::int64_t position, std::int64_t count) {
    Reg centred = Vec::sub(load(x + position, count), mean);
    if (count != kWidth) centred = Vec::keep_first(centred, count);
    squares = Vec::fma(centred, centred, squares);
  });
  const float variance = Vec::reduce_add(squares) / static_cast<float>(n);
  const Reg scale = Vec::set1(1.0f / __builtin_sqrtf(variance + 1e-5f));
  for_each_vector(n, [&](std::int64_t position, std::int64_t count) {
    const Reg normal = Vec::mul(Vec::sub(load(x + position, count), mean), scale);
    const Reg value = Vec::fma(normal, load(weight + position, count), load(bias + position, count));
    store(y + position, activate(value, activation), count);
  });
}

void glu_f32(const float* values, const float* gates, std::int64_t n, float* y) {
  for_each_vector(n, [&](std::int64_t position, std::int64_t count) {
    store(y + position, Vec::mul(load(values + position, count), sigmoid(load(gates + position, count))),
          count);
  });
}

void taps_row_f32(const float* const* inputs, const float* taps, std::int64_t taps_stride,
                  std::int64_t tap_count, std::int64_t n, const float* bias, KernelActivation activation,
                  float* y) {
  for_each_vector(n, [&](std::int64_t position, std::int64_t count) {
    Reg sum = bias != nullptr ? load(bias + position, count) : Vec::zero();
    for (std::int64_t tap = 0; tap < tap_count; ++tap) {
      if (inputs[tap] == nullptr) continue;
      sum = Vec::fma(load(inputs[tap] + position, count), load(taps + tap * taps_stride + position, count),
                     sum);
    }
    store(y + position, activate(sum, activation), count);
  });
}

void weighted_rows_f32(const float* factors, const float* rows, std::int64_t stride, std::int64_t row_count,
                       std::int64_t n, const float* bias, KernelActivation activation, float* y) {
  for_each_vector(n, [&](std::int64_t position, std::int64_t count) {
    Reg sum = bias != nullptr ? load(bias + position, count) : Vec::zero();
    for (std::int64_t row = 0; row < row_count; ++row) {
      sum = Vec::fma(Vec::set1(factors[row]), load(rows + row * stride + position, count), sum);
    }
    store(y + position, activate(sum, activation), count);
  });
}

void add_f32(const float* a, const float* b, std::int64_t n, KernelActivation activation, float* y) {
  for_each_vector(n, [&](std::int64_t position, std::int64_t count) {
    store(y + position, activate(Vec::add(load(a + position, count), load(b + position, count)), activation),
          count);
  });
}

// Passes NaN over; minus infinity when there is nothing else.
float largest_f32(const float* x, std::int64_t n) {
  float largest = -__builtin_inff();
  std::int64_t position = 0;
  if (n >= kWidth) {
    Reg lanes = Vec::set1(largest);
    for (; position + kWidth <= n; position += kWidth) lanes = Vec::max(Vec::load(x + position), lanes);
    largest = Vec::reduce_max(lanes);
  }
  for (; position < n; ++position) largest = x[position] > largest ? x[position] : largest;
  return largest;
}

void softmax_row_f32(float* x, std::int64_t n, float scale) {
  const Reg shift = Vec::set1(largest_f32(x, n));
  const Reg factor = Vec::set1(scale);
  Reg sum = Vec::zero();
  for_each_vector(n, [&](std::int64_t position, std::int64_t count) {
    Reg value = Vec::exp(Vec::mul(factor, Vec::sub(load(x + position, count), shift)));
    if (count != kWidth) value = Vec::keep_first(value, count);
    sum = Vec::add(sum, value);
    store(x + position, value, count);
  });
  const Reg inverse = Vec::set1(1.0f / Vec::reduce_add(sum));
  for_each_vector(n, [&](std::int64_t position, std::int64_t count) {
    store(x + position, Vec::mul(load(x + position, count), inverse), count);
  });
}

void lstm_row_f32(const float* gates, std::int64_t n, float* cell, float* hidden) {
  for_each_vector(n, [&](std::int64_t position, std::int64_t count) {
    const Reg input = sigmoid(load(gates + position, count));
    const Reg forget = sigmoid(load(gates + n + position, count));
    const Reg candidate = tanh(load(gates + 2 * n + position, count));
    const Reg output = sigmoid(load(gates + 3 * n + position, count));
    const Reg next = Vec::fma(forget, load(cell + position, count), Vec::mul(input, candidate));
    store(cell + position, next, count);
    store(hidden + position, Vec::mul(output, tanh(next)), count);
  });
}

// Passes NaN over; 0 when there is nothing else.
std::int64_t argmax_row_f32(const float* x, std::int64_t n) {
  const float largest = largest_f32(x, n);
  // Run by run, so that finding the place takes vectors as well.
  constexpr std::int64_t kRun = 128;
  for (std::int64_t first = 0; first < n; first += kRun) {
    const std::int64_t count = n - first < kRun ? n - first : kRun;
    if (largest_f32(x + first, count) != largest) continue;
    for (std::int64_t position = first; position < first + count; ++position) {
      if (x[position] == largest) return position;
    }
  }
  return 0;
}

float sum_exp_f32(const float* x, std::int64_t n, float scale, float shift) {
  const Reg factor = Vec::set1(scale);
  const Reg base = Vec::set1(shift);
  Reg sum = Vec::zero();
  for_each_vector(n, [&](std::int64_t position, std::int64_t count) {
    Reg value = Vec::exp(Vec::mul(factor, Vec::sub(load(x + position, count), base)));
    if (count != kWidth) value = Vec::keep_first(value, count);
    sum = Vec::add(sum, value);
  });
  return Vec::reduce_add(sum);
}

// Independent chains of fused multiply-adds, enough to hide their latency.
double peak_f32(std::int64_t iterations) {
  constexpr int kChains = 10;
  Reg sums[kChains];
  for (int chain = 0; chain < kChains; ++chain) sums[chain] = Vec::set1(static_cast<float>(chain));
  const Reg factor = Vec::set1(0.5f);
  const Reg term = Vec::set1(1.0f);
  for (std::int64_t iteration = 0; iteration < iterations; ++iteration) {
    for (int chain = 0; chain < kChains; ++chain) sums[chain] = Vec::fma(sums[chain], factor, term);
  }
  Reg total = sums[0];
  for (int chain = 1; chain < kChains; ++chain) total = Vec::add(total, sums[chain]);
  // The sum is used, so that no chain is optimised away: it is never negative.
  return Vec::reduce_add(total) < 0 ? 0 : 2.0 * static_cast<double>(iterations) * kChains * kWidth;
}

}  // namespace
}  // namespace glossa::backend
