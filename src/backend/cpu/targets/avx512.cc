// AVX-512 (F, BW, DQ, VL): 16 floats.
#include <immintrin.h>

#include <cstdint>

#include "backend/cpu/kernel_table.h"

namespace glossa::backend {
namespace {

#include "backend/cpu/kernels/avx512-vec-inl.h"

// Without VNNI: two products of pairs, over the even and the odd bytes widened to 16 bits.
struct Dot : RoundToBytes {
  using Reg = __m512i;
  static constexpr int kLanes = 16;
  static constexpr int kTileColumns = 2;
  static constexpr int kInt8Rows = 8;
  static constexpr int kInt4Rows = 4;
  static constexpr int kBf16Rows = 8;
  static constexpr std::int32_t kInt8Offset = 128;
  struct Weights {
    __m512i even, odd;
  };
  using Inputs = Weights;

  static Reg set1(std::int32_t value) { return _mm512_set1_epi32(value); }
  static Weights load(const std::uint8_t* p) {
    const __m512i bytes = _mm512_loadu_si512(p);
    return {_mm512_and_si512(bytes, _mm512_set1_epi16(0xff)), _mm512_srli_epi16(bytes, 8)};
  }
  static void load_nibbles(const std::uint8_t* p, Weights& low, Weights& high) {
    const __m512i bytes = _mm512_loadu_si512(p);
    const __m512i mask = _mm512_set1_epi16(0x0f);
    low = {_mm512_and_si512(bytes, mask), _mm512_and_si512(_mm512_srli_epi16(bytes, 8), mask)};
    high = {_mm512_and_si512(_mm512_srli_epi16(bytes, 4), mask), _mm512_srli_epi16(bytes, 12)};
  }
  static Inputs broadcast(const std::int8_t* p) {
    std::int32_t four = 0;
    __builtin_memcpy(&four, p, sizeof four);
    const __m512i bytes = _mm512_set1_epi32(four);
    return {_mm512_srai_epi16(_mm512_slli_epi16(bytes, 8), 8), _mm512_srai_epi16(bytes, 8)};
  }
  static void hide(Inputs& x) { __asm__("" : "+v"(x.even), "+v"(x.odd)); }
  static Reg add(Reg sum, const Weights& w, const Inputs& x) {
    sum = _mm512_add_epi32(sum, _mm512_madd_epi16(w.even, x.even));
    return _mm512_add_epi32(sum, _mm512_madd_epi16(w.odd, x.odd));
  }
  static Reg add_nibbles(Reg sum, const Weights& w, const Inputs& x) { return add(sum, w, x); }
};

}  // namespace
}  // namespace glossa::backend

#include "backend/cpu/kernels/f32-inl.h"
#include "backend/cpu/kernels/packed-inl.h"
#include "backend/cpu/kernels/table-inl.h"

namespace glossa::backend {
constexpr KernelTable kAvx512Kernels = make_table("avx512", avx512_runs_here);
}  // namespace glossa::backend
