// NEON with the dot product extension: four products of bytes in one instruction.
#include <arm_neon.h>

#include <cstdint>

#include "backend/cpu/kernel_table.h"

namespace glossa::backend {
namespace {

#include "backend/cpu/kernels/neon-vec-inl.h"

struct Dot : NeonBytes {
  using NibbleSum = Reg;
  static constexpr int kInt8Rows = 6, kInt8Columns = 4;
  static constexpr int kInt4Rows = 3, kInt4Columns = 4;
  static constexpr int kBf16Rows = 6, kBf16Columns = 4;

  static Reg add(Reg sum, Weights w, Inputs x) { return vdotq_s32(sum, w, x); }
  static NibbleSum begin_half(const std::int32_t* start) { return set1(*start); }
  static NibbleSum add_nibbles(NibbleSum sum, NibbleWeights w, NibbleInputs x) { return add(sum, w, x); }
  static Reg end_half(Reg total, NibbleSum sum, Factors factors) { return vmlaq_s32(total, sum, factors); }
};

}  // namespace
}  // namespace glossa::backend

#include "backend/cpu/kernels/f32-inl.h"
#include "backend/cpu/kernels/packed-inl.h"
#include "backend/cpu/kernels/table-inl.h"

namespace glossa::backend {
constexpr KernelTable kNeonDotprodKernels = make_table("neon_dotprod", neon_dotprod_runs_here);
}  // namespace glossa::backend
