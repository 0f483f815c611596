// AVX2 with FMA: 8 floats.
#include <immintrin.h>

#include <cstdint>

#include "backend/cpu/kernel_table.h"

namespace glossa::backend {
namespace {

#include "backend/cpu/kernels/avx2-vec-inl.h"

// Without an instruction for four products: two of pairs, over the even and the odd bytes widened to 16 bits.
// Nibbles need no widening: half a block is 4 sums of pairs, and with what they begin with
// 4 * 2 * 15 * 128 + 8 * 16 * 128 < 2^15.
struct Dot : Avx2Bytes {
  static constexpr int kInt8Rows = 4, kInt8Columns = 2;
  static constexpr int kInt4Rows = 2, kInt4Columns = 2;
  static constexpr int kBf16Rows = 5, kBf16Columns = 2;
  struct Weights {
    __m256i even, odd;
  };
  struct Inputs {
    __m256i even, odd;
  };
  using Factors = __m256i;    // for both sums of an output
  using NibbleSum = __m256i;  // 16 sums of 16 bits

  static Weights load(const std::uint8_t* p) {
    const __m256i bytes = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
    return {_mm256_and_si256(bytes, _mm256_set1_epi16(0xff)), _mm256_srli_epi16(bytes, 8)};
  }
  static Inputs broadcast(const std::int8_t* p) {
    const __m256i bytes = broadcast_nibbles(p);
    return {_mm256_srai_epi16(_mm256_slli_epi16(bytes, 8), 8), _mm256_srai_epi16(bytes, 8)};
  }
  static Reg add(Reg sum, const Weights& w, const Inputs& x) {
    sum = _mm256_add_epi32(sum, _mm256_madd_epi16(w.even, x.even));
    return _mm256_add_epi32(sum, _mm256_madd_epi16(w.odd, x.odd));
  }
  // Of the two sums of an output, the first begins with it.
  static NibbleSum begin_half(const std::int32_t* start) {
    return _mm256_and_si256(set1(*start), set1(0xffff));
  }
  static NibbleSum add_nibbles(NibbleSum sum, NibbleWeights w, NibbleInputs x) {
    return _mm256_add_epi16(sum, _mm256_maddubs_epi16(w, x));
  }
  template <bool kHigh>
  static Factors load_factors(const std::uint8_t* p) {
    const __m256i factors = Avx2Bytes::load_factors<kHigh>(p);
    return _mm256_or_si256(factors, _mm256_slli_epi32(factors, 16));
  }
  static Reg end_half(Reg total, NibbleSum sum, Factors factors) {
    return _mm256_add_epi32(total, _mm256_madd_epi16(sum, factors));
  }
  static void hide(Inputs& x) { __asm__("" : "+x"(x.even), "+x"(x.odd)); }
};

}  // namespace
}  // namespace glossa::backend

#include "backend/cpu/kernels/f32-inl.h"
#include "backend/cpu/kernels/packed-inl.h"
#include "backend/cpu/kernels/table-inl.h"

namespace glossa::backend {
constexpr KernelTable kAvx2Kernels = make_table("avx2", avx2_runs_here);
}  // namespace glossa::backend
