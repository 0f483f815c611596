#include "backend/row_ring.h"

namespace glossa::backend {

std::int64_t RowLayout::head_bytes() const {
  constexpr std::int64_t kBlock = 32;
  switch (format) {
    case CacheFormat::kBF16:
      return 2 * head_size;
    case CacheFormat::kInt8:
      return (head_size + kBlock - 1) / kBlock * kBlock;
    case CacheFormat::kF32:
    case CacheFormat::kAuto:
      break;
  }
  return 4 * head_size;
}

std::int64_t RowLayout::row_bytes() const {
  const std::int64_t scales = format == CacheFormat::kInt8 ? 4 * heads : 0;
  return heads * head_bytes() + scales;
}

}  // namespace glossa::backend
