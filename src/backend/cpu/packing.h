// Weights in the layout that the packed kernels read: panels of kPanel outputs, one behind the other, inputs
// in blocks of kBlock, zeros where outputs or inputs are missing. A panel is read once, front to back. The
// layout is the same for every instruction set.
//
//   bf16  for each input: kPanel weights of 2 bytes. Inputs are not padded.
//   int8  for each group of 4 inputs: kPanel x 4 bytes q + 128, |q| <= 127; then kPanel f32 scales.
//         weight = q * scale of its output.
//   int4  for each block: for each of 4 groups: kPanel x 4 bytes, each with the weights of input i (low
//   nibble)
//         and i + 16 (high nibble) of the block as q + 8; then kPanel bytes, each with the factors of an
//         output for both halves of the block, 0 to 15; behind the blocks kPanel f32 scales.
//         weight = q * factor of its output and half block * scale of its output, negated in second halves:
//         q from -8 to 7 reaches further down than up, and what that errs by is to cancel.
#pragma once

#include <cstddef>
#include <cstdint>

#include "backend/cpu/kernel_table.h"
#include "backend/matrix.h"
#include "glossa/types.hpp"

namespace glossa::backend {

// Changes whenever files with older packed weights must not be read any more.
inline constexpr const char* kPackedLayout = "panel32-2";

// Integer sums of more inputs than this could overflow: such a matrix stays f32.
inline constexpr std::int64_t kMostPackedInputs = 1 << 16;

inline std::int64_t panels_of(std::int64_t outputs) { return (outputs + kPanel - 1) / kPanel; }
inline std::int64_t blocks_of(std::int64_t inputs) { return (inputs + kBlock - 1) / kBlock; }

// Bytes of one panel. kF32 has no packed layout.
std::int64_t panel_bytes(WeightFormat format, std::int64_t inputs);

// Packs outputs [kPanel * panel, ...) of `weight` [outputs, inputs], all finite. `importance`, [inputs] or
// null, is how much an input's error counts: the mean square that it is known to have. Only int4 looks at it.
void pack_panel(WeightFormat format, Matrix<const float> weight, const float* importance, std::int64_t panel,
                std::byte* out);

}  // namespace glossa::backend
