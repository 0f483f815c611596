// One float at a time, the C library's exp: runs everywhere and fills every cell.
#include <cstdint>

#include "backend/cpu/kernel_table.h"

namespace glossa::backend {
namespace {

struct Vec {
  using Reg = float;
  static constexpr int kWidth = 1;
  static constexpr int kTileRows = 2;

  static Reg load(const float* p) { return *p; }
  static Reg load_part(const float* p, std::int64_t) { return *p; }
  static void store(float* p, Reg value) { *p = value; }
  static void store_part(float* p, Reg value, std::int64_t) { *p = value; }
  static Reg keep_first(Reg value, std::int64_t) { return value; }
  static Reg zero() { return 0.0f; }
  static Reg set1(float value) { return value; }
  static Reg load_bf16(const std::uint16_t* p) {
    const std::uint32_t bits = static_cast<std::uint32_t>(*p) << 16;
    float value = 0;
    __builtin_memcpy(&value, &bits, sizeof value);
    return value;
  }
  static Reg add(Reg a, Reg b) { return a + b; }
  static Reg sub(Reg a, Reg b) { return a - b; }
  static Reg mul(Reg a, Reg b) { return a * b; }
  static Reg div(Reg a, Reg b) { return a / b; }
  static Reg fma(Reg a, Reg b, Reg c) { return a * b + c; }
  static Reg max(Reg a, Reg b) { return a > b ? a : b; }
  static Reg exp(Reg x) { return __builtin_expf(x); }
  static float reduce_add(Reg value) { return value; }
  static float reduce_max(Reg value) { return value; }
  static void reduce_add4(Reg a, Reg b, Reg c, Reg d, float* out) {
    out[0] = a;
    out[1] = b;
    out[2] = c;
    out[3] = d;
  }
};

struct Dot {
  using Reg = std::int32_t;
  static constexpr int kLanes = 1;
  static constexpr int kInt8Rows = 2, kInt8Columns = 2;
  static constexpr int kInt4Rows = 2, kInt4Columns = 2;
  static constexpr int kBf16Rows = 2, kBf16Columns = 2;
  static constexpr std::int32_t kInt8Offset = 128;
  struct Weights {
    std::int32_t values[4];
  };
  using Inputs = Weights;
  using NibbleWeights = Weights;
  using NibbleInputs = Inputs;
  using NibbleSum = Reg;

  static Reg set1(std::int32_t value) { return value; }
  static Weights load(const std::uint8_t* p) { return {{p[0], p[1], p[2], p[3]}}; }
  template <bool kHigh>
  static NibbleWeights load_nibbles(const std::uint8_t* p) {
    constexpr int kShift = kHigh ? 4 : 0;
    return {{p[0] >> kShift & 15, p[1] >> kShift & 15, p[2] >> kShift & 15, p[3] >> kShift & 15}};
  }
  using Factors = std::int32_t;
  template <bool kHigh>
  static Factors load_factors(const std::uint8_t* p) {
    return kHigh ? -(*p >> 4) : *p & 15;
  }
  static Inputs broadcast(const std::int8_t* p) { return {{p[0], p[1], p[2], p[3]}}; }
  static Reg add(Reg sum, const Weights& w, const Inputs& x) {
    for (int input = 0; input < 4; ++input) sum += w.values[input] * x.values[input];
    return sum;
  }
  static NibbleInputs broadcast_nibbles(const std::int8_t* p) { return broadcast(p); }
  static NibbleSum begin_half(const std::int32_t* start) { return *start; }
  static NibbleSum add_nibbles(NibbleSum sum, const NibbleWeights& w, const NibbleInputs& x) {
    return add(sum, w, x);
  }
  static Reg end_half(Reg total, NibbleSum sum, Factors factor) { return total + sum * factor; }
  static void hide(Inputs& x) {
    for (std::int32_t& value : x.values) __asm__("" : "+r"(value));
  }
  static float to_float(Reg sum) { return static_cast<float>(sum); }
  static float load_as_float(const std::int8_t* p) { return static_cast<float>(*p); }
  static HalfSums round_block(const float* x, std::int64_t n, float factor, std::int8_t* values) {
    HalfSums sums;
    for (int index = 0; index < 32; ++index) {
      const float value = index < n ? __builtin_rintf(x[index] * factor) : 0.0f;
      const bool in_range = value >= -127.0f && value <= 127.0f;  // NaN becomes 0, all else is in range
      values[index] = in_range ? static_cast<std::int8_t>(value) : std::int8_t{0};
      (index < 16 ? sums.low : sums.high) += values[index];
    }
    return sums;
  }
};

}  // namespace
}  // namespace glossa::backend

#include "backend/cpu/kernels/f32-inl.h"
#include "backend/cpu/kernels/packed-inl.h"
#include "backend/cpu/kernels/table-inl.h"

namespace glossa::backend {
constexpr KernelTable kScalarKernels = make_table("scalar", scalar_runs_here);
}  // namespace glossa::backend
