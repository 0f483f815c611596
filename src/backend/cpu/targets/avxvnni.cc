// AVX2 with VNNI, as processors have it that lack AVX-512: four products of bytes in one instruction.
#include <immintrin.h>

#include <cstdint>

#include "backend/cpu/kernel_table.h"

namespace glossa::backend {
namespace {

#include "backend/cpu/kernels/avx2-vec-inl.h"

struct Dot : Avx2Bytes {
  using Weights = __m256i;
  using Inputs = __m256i;
  using NibbleSum = Reg;
  using Factors = __m256i;
  // 6 x 2 sums, 2 weights, 1 input: 15 of 16 registers
  static constexpr int kInt8Rows = 6, kInt8Columns = 2;
  // 3 x 2 sums of half a block and 3 x 2 of all, 2 weights, 1 input
  static constexpr int kInt4Rows = 3, kInt4Columns = 2;
  static constexpr int kBf16Rows = 5, kBf16Columns = 2;

  static Weights load(const std::uint8_t* p) {
    return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
  }
  static Inputs broadcast(const std::int8_t* p) { return broadcast_nibbles(p); }
  static void hide(Inputs& x) { __asm__("" : "+x"(x)); }
  // In place, as in avx512vnni.cc. The prefix asks for the encoding without AVX-512.
  static Reg add(Reg sum, Weights w, Inputs x) {
    __asm__("%{vex%} vpdpbusd %2, %1, %0" : "+x"(sum) : "x"(w), "x"(x));
    return sum;
  }
  static NibbleSum begin_half(const std::int32_t* start) { return set1(*start); }
  static NibbleSum add_nibbles(NibbleSum sum, NibbleWeights w, NibbleInputs x) { return add(sum, w, x); }
  // A product of pairs: the sum, which fits in 16 bits, times the factor, and its sign times 0.
  static Reg end_half(Reg total, NibbleSum sum, Factors factors) {
    __asm__("%{vex%} vpdpwssd %2, %1, %0" : "+x"(total) : "x"(sum), "x"(factors));
    return total;
  }
};

}  // namespace
}  // namespace glossa::backend

#include "backend/cpu/kernels/f32-inl.h"
#include "backend/cpu/kernels/packed-inl.h"
#include "backend/cpu/kernels/table-inl.h"

namespace glossa::backend {
constexpr KernelTable kAvxVnniKernels = make_table("avxvnni", avxvnni_runs_here);
}  // namespace glossa::backend
