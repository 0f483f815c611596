// AVX-512 with VNNI: four products of bytes in one instruction.
#include <immintrin.h>

#include <cstdint>

#include "backend/cpu/kernel_table.h"

namespace glossa::backend {
namespace {

#include "backend/cpu/kernels/avx512-vec-inl.h"

struct Dot : RoundToBytes {
  using Reg = __m512i;
  using Weights = __m512i;
  using Inputs = __m512i;
  static constexpr int kLanes = 16;
  static constexpr int kTileColumns = 2;
  static constexpr int kInt8Rows = 8;
  static constexpr int kInt4Rows = 6;
  static constexpr int kBf16Rows = 8;
  static constexpr std::int32_t kInt8Offset = 128;

  static Reg set1(std::int32_t value) { return _mm512_set1_epi32(value); }
  static Weights load(const std::uint8_t* p) { return _mm512_loadu_si512(p); }
  static void load_nibbles(const std::uint8_t* p, Weights& low, Weights& high) {
    const __m512i bytes = _mm512_loadu_si512(p);
    const __m512i mask = _mm512_set1_epi8(0x0f);
    low = _mm512_and_si512(bytes, mask);
    high = _mm512_and_si512(_mm512_srli_epi16(bytes, 4), mask);
  }
  static Inputs broadcast(const std::int8_t* p) {
    std::int32_t four = 0;
    __builtin_memcpy(&four, p, sizeof four);
    return _mm512_set1_epi32(four);
  }
  static void hide(Inputs& x) { __asm__("" : "+v"(x)); }
  static Reg add(Reg sum, Weights w, Inputs x) { return _mm512_dpbusd_epi32(sum, w, x); }
  static Reg add_nibbles(Reg sum, Weights w, Inputs x) { return _mm512_dpbusd_epi32(sum, w, x); }
};

}  // namespace
}  // namespace glossa::backend

#include "backend/cpu/kernels/f32-inl.h"
#include "backend/cpu/kernels/packed-inl.h"
#include "backend/cpu/kernels/table-inl.h"

namespace glossa::backend {
constexpr KernelTable kAvx512VnniKernels = make_table("avx512vnni", avx512vnni_runs_here);
}  // namespace glossa::backend
