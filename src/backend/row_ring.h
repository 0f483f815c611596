// Keys or values of a stream: rows of [heads, head size] in a number format of their own, in a ring somebody
// else owns.
#pragma once

#include <cstddef>
#include <cstdint>

#include "glossa/types.hpp"

namespace glossa::backend {

// How rows lie in memory: head by head [heads, rows, head], so that what one head reads is in one piece; with
// kInt8 a head is padded to whole blocks of 32 elements, and behind all of it come f32 scales [heads, rows].
struct RowLayout {
  CacheFormat format = CacheFormat::kF32;  // never kAuto
  std::int64_t heads = 0;
  std::int64_t head_size = 0;

  // Elements of a head, padding included.
  std::int64_t head_elements() const {
    constexpr std::int64_t kPadding = 32;
    return format == CacheFormat::kInt8 ? (head_size + kPadding - 1) / kPadding * kPadding : head_size;
  }
  std::int64_t head_bytes() const {
    const std::int64_t element = format == CacheFormat::kInt8 ? 1 : format == CacheFormat::kBF16 ? 2 : 4;
    return element * head_elements();
  }
  // Of `rows` rows. A multiple of 4.
  std::int64_t bytes(std::int64_t rows) const {
    const std::int64_t scales = format == CacheFormat::kInt8 ? 4 : 0;
    return (heads * rows * (head_bytes() + scales) + 3) / 4 * 4;
  }
};

struct RowRing {
  RowLayout layout;
  std::byte* data = nullptr;  // layout.bytes(capacity)
  std::int64_t capacity = 0;  // rows
  std::int64_t first = 0;     // where row 0 lies
  std::int64_t rows = 0;      // up to capacity

  std::int64_t place(std::int64_t row) const { return (first + row) % capacity; }
  std::byte* head(std::int64_t row, std::int64_t head) const {
    return data + (head * capacity + place(row)) * layout.head_bytes();
  }
  float* scale(std::int64_t row, std::int64_t head) const {
    return reinterpret_cast<float*>(data + layout.heads * capacity * layout.head_bytes()) + head * capacity +
           place(row);
  }
};

}  // namespace glossa::backend
