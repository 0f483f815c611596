#pragma once

#include <cstdint>
#include <string>

namespace glossa {

// So many bytes of it, the lowest first.
inline void append_number(std::string& out, std::uint64_t value, int bytes) {
  for (int byte = 0; byte < bytes; ++byte, value >>= 8) out += static_cast<char>(value & 0xff);
}

}  // namespace glossa
