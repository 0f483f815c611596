// Which tables run on this machine. Compiled without instruction-set flags.
#include "backend/cpu/kernel_table.h"

namespace glossa::backend {

bool scalar_runs_here() { return true; }

#if defined(__x86_64__)
bool avx2_runs_here() { return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"); }

bool avx512_runs_here() {
  return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") && avx2_runs_here();
}

bool avx512vnni_runs_here() { return __builtin_cpu_supports("avx512vnni") && avx512_runs_here(); }
#endif

}  // namespace glossa::backend
