#pragma once

#include <string>

#include "support/little_endian.h"

namespace glossa::testing {

// BINUNICODE of Python's pickletools.
inline std::string pickled_text(const std::string& value) {
  return "X" + little_endian(value.size(), 4) + value;
}

}  // namespace glossa::testing
