#include "backend/cpu/kernel_selection.h"

#include <cstdlib>
#include <cstring>

#include "base/fail.h"

namespace glossa::backend {
namespace {

template <class Cell>
void choose(const char* operation, Cell KernelTable::*cell, const std::vector<const KernelTable*>& tables,
            KernelSelection& selection) {
  for (const KernelTable* table : tables) {
    if (table->*cell == nullptr) continue;
    selection.table.*cell = table->*cell;
    selection.cells.push_back({operation, table->name});
    return;
  }
}

}  // namespace

std::vector<const KernelTable*> available_kernels() {
  std::vector<const KernelTable*> tables;
  for (const KernelTable* table : {
#if defined(__x86_64__)
         &kAvx512VnniKernels, &kAvx512Kernels, &kAvxVnniKernels, &kAvx2Kernels,
#endif
#if defined(__aarch64__)
             &kNeonDotprodKernels, &kNeonKernels,
#endif
             &kScalarKernels
       }) {
    if (table->runs_here()) tables.push_back(table);
  }
  return tables;
}

KernelSelection select_kernels() {
  std::vector<const KernelTable*> tables = available_kernels();
  if (const char* forced = std::getenv("GLOSSA_ISA"); forced != nullptr && *forced != '\0') {
    while (!tables.empty() && std::strcmp(tables.front()->name, forced) != 0) tables.erase(tables.begin());
    if (tables.empty()) {
      std::string names;
      for (const KernelTable* table : available_kernels())
        names += std::string(names.empty() ? "" : ", ") + table->name;
      fail_invalid_argument("GLOSSA_ISA={} cannot run here (expected one of {})", forced, names);
    }
  }
  KernelSelection selection;
  selection.table = *tables.front();
#define GLOSSA_CHOOSE(cell) choose(#cell, &KernelTable::cell, tables, selection)
  GLOSSA_CHOOSE(matmul_f32);
  GLOSSA_CHOOSE(finish_rows_f32);
  GLOSSA_CHOOSE(layer_norm_row_f32);
  GLOSSA_CHOOSE(glu_f32);
  GLOSSA_CHOOSE(taps_row_f32);
  GLOSSA_CHOOSE(weighted_rows_f32);
  GLOSSA_CHOOSE(add_f32);
  GLOSSA_CHOOSE(softmax_row_f32);
  GLOSSA_CHOOSE(lstm_row_f32);
  GLOSSA_CHOOSE(argmax_row_f32);
  GLOSSA_CHOOSE(sum_exp_f32);
  GLOSSA_CHOOSE(quantize_row_int8);
  GLOSSA_CHOOSE(widen_rows_int8);
  GLOSSA_CHOOSE(narrow_bf16);
  GLOSSA_CHOOSE(widen_bf16);
  GLOSSA_CHOOSE(matmul_bf16);
  GLOSSA_CHOOSE(matmul_int8);
  GLOSSA_CHOOSE(matmul_int4);
  GLOSSA_CHOOSE(peak_f32);
  GLOSSA_CHOOSE(peak_int8);
#undef GLOSSA_CHOOSE
  return selection;
}

}  // namespace glossa::backend
