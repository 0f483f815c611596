#pragma once

#include <cstdint>
#include <string>

namespace glossa::testing {

// So many bytes of it, the lowest first.
inline std::string little_endian(std::uint64_t value, int bytes) {
  std::string out;
  for (int byte = 0; byte < bytes; ++byte, value >>= 8) out += static_cast<char>(value & 0xff);
  return out;
}

}  // namespace glossa::testing
