// AVX-512 (F, BW, DQ, VL): 16 floats.
#include <immintrin.h>

#include <cstdint>

#include "backend/cpu/kernel_table.h"

namespace glossa::backend {
namespace {

#include "backend/cpu/kernels/avx512-vec-inl.h"

// Without VNNI: two products of pairs, over the even and the odd bytes widened to 16 bits. Nibbles need no
// widening: half a block is 4 sums of pairs, and with what they begin with
// 4 * 2 * 15 * 128 + 8 * 16 * 128 < 2^15.
struct Dot : Avx512Bytes {
  static constexpr int kInt8Rows = 8, kInt8Columns = 2;
  static constexpr int kInt4Rows = 3, kInt4Columns = 2;
  static constexpr int kBf16Rows = 8, kBf16Columns = 2;
  struct Weights {
    __m512i even, odd;
  };
  using Inputs = Weights;
  using Factors = __m512i;    // for both sums of an output
  using NibbleSum = __m512i;  // 32 sums of 16 bits

  static Weights load(const std::uint8_t* p) {
    const __m512i bytes = _mm512_loadu_si512(p);
    return {_mm512_and_si512(bytes, _mm512_set1_epi16(0xff)), _mm512_srli_epi16(bytes, 8)};
  }
  static Inputs broadcast(const std::int8_t* p) {
    const __m512i bytes = broadcast_nibbles(p);
    return {_mm512_srai_epi16(_mm512_slli_epi16(bytes, 8), 8), _mm512_srai_epi16(bytes, 8)};
  }
  static void hide(Inputs& x) { __asm__("" : "+v"(x.even), "+v"(x.odd)); }
  static Reg add(Reg sum, const Weights& w, const Inputs& x) {
    sum = _mm512_add_epi32(sum, _mm512_madd_epi16(w.even, x.even));
    return _mm512_add_epi32(sum, _mm512_madd_epi16(w.odd, x.odd));
  }
  // Of the two sums of an output, the first begins with it.
  static NibbleSum begin_half(const std::int32_t* start) {
    return _mm512_and_si512(set1(*start), set1(0xffff));
  }
  static NibbleSum add_nibbles(NibbleSum sum, NibbleWeights w, NibbleInputs x) {
    return _mm512_add_epi16(sum, _mm512_maddubs_epi16(w, x));
  }
  template <bool kHigh>
  static Factors load_factors(const std::uint8_t* p) {
    const __m512i factors = Avx512Bytes::load_factors<kHigh>(p);
    return _mm512_or_si512(factors, _mm512_slli_epi32(factors, 16));
  }
  static Reg end_half(Reg total, NibbleSum sum, Factors factors) {
    return _mm512_add_epi32(total, _mm512_madd_epi16(sum, factors));
  }
};

}  // namespace
}  // namespace glossa::backend

#include "backend/cpu/kernels/f32-inl.h"
#include "backend/cpu/kernels/packed-inl.h"
#include "backend/cpu/kernels/table-inl.h"

namespace glossa::backend {
constexpr KernelTable kAvx512Kernels = make_table("avx512", avx512_runs_here);
}  // namespace glossa::backend
