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

}  // namespace
}  // namespace glossa::backend

#include "backend/cpu/kernels/f32-inl.h"

namespace glossa::backend {
constexpr KernelTable kScalarKernels = make_table("scalar", scalar_runs_here);
}  // namespace glossa::backend
