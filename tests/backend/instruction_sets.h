#pragma once

#include <string>
#include <vector>

#include "backend/cpu/kernel_selection.h"

namespace glossa::testing {

// The names of the kernels that this machine can run.
inline std::vector<std::string> instruction_sets() {
  std::vector<std::string> names;
  for (const backend::KernelTable* table : backend::available_kernels()) names.push_back(table->name);
  return names;
}

}  // namespace glossa::testing
