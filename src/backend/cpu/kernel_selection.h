// From the tables of all instruction sets to the one full table that this process uses.
#pragma once

#include <string>
#include <vector>

#include "backend/cpu/kernel_table.h"

namespace glossa::backend {

struct KernelCell {
  std::string operation;  // e.g. "matmul_f32"
  std::string chosen;     // name of the table it comes from, e.g. "avx512"
};

struct KernelSelection {
  KernelTable table;  // every cell filled
  std::vector<KernelCell> cells;
};

// Per cell the fastest table that runs here. The environment variable GLOSSA_ISA (scalar, avx2, avxvnni,
// avx512, avx512vnni; neon, neon_dotprod) puts that table first and leaves out faster ones; Error
// kInvalidArgument when this machine cannot run it.
KernelSelection select_kernels();

// Every table that runs on this machine, fastest first.
std::vector<const KernelTable*> available_kernels();

}  // namespace glossa::backend
