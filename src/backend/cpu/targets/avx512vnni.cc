// AVX-512 with VNNI: four products of bytes in one instruction.
#include <immintrin.h>

#include <cstdint>

#include "backend/cpu/kernel_table.h"

namespace glossa::backend {
namespace {

#include "backend/cpu/kernels/avx512-vec-inl.h"

struct Dot : Avx512Bytes {
  using Weights = __m512i;
  using Inputs = __m512i;
  using NibbleSum = Reg;
  using Factors = __m512i;
  // 14 x 2 sums, 2 weights, 1 input: 31 of 32 registers
  static constexpr int kInt8Rows = 14, kInt8Columns = 2;
  // 7 x 2 sums of half a block and 7 x 2 of all, 2 weights
  static constexpr int kInt4Rows = 7, kInt4Columns = 2;
  static constexpr int kBf16Rows = 8, kBf16Columns = 2;

  static Weights load(const std::uint8_t* p) { return _mm512_loadu_si512(p); }
  static Inputs broadcast(const std::int8_t* p) { return broadcast_nibbles(p); }
  static void hide(Inputs& x) { __asm__("" : "+v"(x)); }
  // In place: g++ 12 copies every sum before and after _mm512_dpbusd_epi32, twice as many instructions.
  static Reg add(Reg sum, Weights w, Inputs x) {
    __asm__("vpdpbusd %2, %1, %0" : "+v"(sum) : "v"(w), "v"(x));
    return sum;
  }
  static NibbleSum begin_half(const std::int32_t* start) { return set1(*start); }
  static NibbleSum add_nibbles(NibbleSum sum, NibbleWeights w, NibbleInputs x) { return add(sum, w, x); }
  // A product of pairs: the sum, which fits in 16 bits, times the factor, and its sign times 0.
  static Reg end_half(Reg total, NibbleSum sum, Factors factors) {
    __asm__("vpdpwssd %2, %1, %0" : "+v"(total) : "v"(sum), "v"(factors));
    return total;
  }
};

}  // namespace
}  // namespace glossa::backend

#include "backend/cpu/kernels/f32-inl.h"
#include "backend/cpu/kernels/packed-inl.h"
#include "backend/cpu/kernels/table-inl.h"

namespace glossa::backend {
constexpr KernelTable kAvx512VnniKernels = make_table("avx512vnni", avx512vnni_runs_here);
}  // namespace glossa::backend
