// AVX2 with FMA: 8 floats.
#include <immintrin.h>

#include <cstdint>

#include "backend/cpu/kernel_table.h"

namespace glossa::backend {
namespace {

struct Vec {
  using Reg = __m256;
  static constexpr int kWidth = 8;
  static constexpr int kTileRows = 3;  // 3 x 4 sums, 3 inputs, 1 weight: all 16 registers

  static __m256i mask(std::int64_t count) {
    return _mm256_cmpgt_epi32(_mm256_set1_epi32(static_cast<int>(count)),
                              _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
  }
  static Reg load(const float* p) { return _mm256_loadu_ps(p); }
  static Reg load_part(const float* p, std::int64_t count) { return _mm256_maskload_ps(p, mask(count)); }
  static void store(float* p, Reg value) { _mm256_storeu_ps(p, value); }
  static void store_part(float* p, Reg value, std::int64_t count) {
    _mm256_maskstore_ps(p, mask(count), value);
  }
  static Reg keep_first(Reg value, std::int64_t count) {
    return _mm256_and_ps(value, _mm256_castsi256_ps(mask(count)));
  }
  static Reg zero() { return _mm256_setzero_ps(); }
  static Reg set1(float value) { return _mm256_set1_ps(value); }
  static Reg add(Reg a, Reg b) { return _mm256_add_ps(a, b); }
  static Reg sub(Reg a, Reg b) { return _mm256_sub_ps(a, b); }
  static Reg mul(Reg a, Reg b) { return _mm256_mul_ps(a, b); }
  static Reg div(Reg a, Reg b) { return _mm256_div_ps(a, b); }
  static Reg fma(Reg a, Reg b, Reg c) { return _mm256_fmadd_ps(a, b, c); }
  static Reg max(Reg a, Reg b) { return _mm256_max_ps(a, b); }
  static Reg min(Reg a, Reg b) { return _mm256_min_ps(a, b); }
  static Reg round(Reg a) { return _mm256_round_ps(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }
  static Reg times_power_of_2(Reg a, Reg n) {
    const __m256i exponent =
        _mm256_slli_epi32(_mm256_add_epi32(_mm256_cvtps_epi32(n), _mm256_set1_epi32(127)), 23);
    return _mm256_mul_ps(a, _mm256_castsi256_ps(exponent));
  }
#include "backend/cpu/kernels/exp-inl.h"

  static __m128 four_sums(Reg a) { return _mm_add_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1)); }
  static __m128 four_maxima(Reg a) { return _mm_max_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1)); }
#include "backend/cpu/kernels/x86-reduce-inl.h"
};

}  // namespace
}  // namespace glossa::backend

#include "backend/cpu/kernels/f32-inl.h"

namespace glossa::backend {
constexpr KernelTable kAvx2Kernels = make_table("avx2", avx2_runs_here);
}  // namespace glossa::backend
