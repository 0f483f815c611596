// Keys or values of a stream: rows of [heads, head size] in a number format of their own, in a ring somebody
// else owns.
#pragma once

#include <cstddef>
#include <cstdint>

#include "glossa/types.hpp"

namespace glossa::backend {

// How a row lies in memory: its heads one after the other, each padded to whole blocks of 32 elements with
// kInt8; with kInt8 then one f32 scale per head.
struct RowLayout {
  CacheFormat format = CacheFormat::kF32;  // never kAuto
  std::int64_t heads = 0;
  std::int64_t head_size = 0;

  std::int64_t head_bytes() const;
  std::int64_t row_bytes() const;
};

struct RowRing {
  RowLayout layout;
  std::byte* data = nullptr;  // [capacity, row_bytes()]
  std::int64_t capacity = 0;  // rows
  std::int64_t first = 0;     // where row 0 lies
  std::int64_t rows = 0;      // up to capacity

  std::byte* row(std::int64_t index) const { return data + (first + index) % capacity * layout.row_bytes(); }
  std::byte* head(std::int64_t index, std::int64_t head) const {
    return row(index) + head * layout.head_bytes();
  }
  float* scale(std::int64_t index, std::int64_t head) const {
    return reinterpret_cast<float*>(row(index) + layout.heads * layout.head_bytes()) + head;
  }
};

}  // namespace glossa::backend
