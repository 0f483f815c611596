#pragma once

#include <algorithm>

#include "checkpoint/checkpoint.h"

namespace glossa::testing {

inline bool same_tensor(const checkpoint::TensorView& a, const checkpoint::TensorView& b) {
  return a.dtype == b.dtype && a.shape == b.shape && std::ranges::equal(a.bytes, b.bytes);
}

}  // namespace glossa::testing
