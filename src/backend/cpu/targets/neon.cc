// NEON as every 64-bit ARM has it: 4 floats.
#include <arm_neon.h>

#include <cstdint>

#include "backend/cpu/kernel_table.h"

namespace glossa::backend {
namespace {

#include "backend/cpu/kernels/neon-vec-inl.h"

// Without an instruction for four products: products of 16 bits, added in pairs, and those in pairs again.
// A pair fits in 16 bits, |q| <= 127 and |x| <= 128: 2 * 127 * 128 < 2^15. Of nibbles so do the pairs of half
// a block, with what they begin with: 4 * 2 * 15 * 128 + 8 * 16 * 128 < 2^15.
struct Dot : NeonBytes {
  struct NibbleSum {
    int16x8_t first, second;  // outputs 0 and 1, outputs 2 and 3
  };
  static constexpr int kInt8Rows = 4, kInt8Columns = 4;
  static constexpr int kInt4Rows = 2, kInt4Columns = 4;
  static constexpr int kBf16Rows = 6, kBf16Columns = 4;

  static Reg add(Reg sum, Weights w, Inputs x) {
    const int16x8_t first = vmull_s8(vget_low_s8(w), vget_low_s8(x));
    const int16x8_t second = vmull_high_s8(w, x);
    return vpadalq_s16(sum, vpaddq_s16(first, second));
  }
  // Of the four sums of an output, the first begins with it.
  static NibbleSum begin_half(const std::int32_t* start) {
    const int16x8_t first = vreinterpretq_s16_s64(vdupq_n_s64(*start & 0xffff));
    return {first, first};
  }
  static NibbleSum add_nibbles(const NibbleSum& sum, NibbleWeights w, NibbleInputs x) {
    return {vmlal_s8(sum.first, vget_low_s8(w), vget_low_s8(x)), vmlal_high_s8(sum.second, w, x)};
  }
  static Reg end_half(Reg total, const NibbleSum& sum, Factors factors) {
    return vmlaq_s32(total, vpaddlq_s16(vpaddq_s16(sum.first, sum.second)), factors);
  }
};

}  // namespace
}  // namespace glossa::backend

#include "backend/cpu/kernels/f32-inl.h"
#include "backend/cpu/kernels/packed-inl.h"
#include "backend/cpu/kernels/table-inl.h"

namespace glossa::backend {
constexpr KernelTable kNeonKernels = make_table("neon", neon_runs_here);
}  // namespace glossa::backend
