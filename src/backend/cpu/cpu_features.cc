// Which tables run on this machine. Compiled without instruction-set flags.
#if defined(__aarch64__)
#include <asm/hwcap.h>
#include <sys/auxv.h>
#endif

#include "backend/cpu/kernel_table.h"

namespace glossa::backend {

bool scalar_runs_here() { return true; }

#if defined(__x86_64__)
bool avx2_runs_here() { return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"); }

bool avxvnni_runs_here() { return __builtin_cpu_supports("avxvnni") && avx2_runs_here(); }

bool avx512_runs_here() {
  return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") && avx2_runs_here();
}

bool avx512vnni_runs_here() { return __builtin_cpu_supports("avx512vnni") && avx512_runs_here(); }
#endif

#if defined(__aarch64__)
bool neon_runs_here() { return true; }  // part of the architecture

bool neon_dotprod_runs_here() { return (getauxval(AT_HWCAP) & HWCAP_ASIMDDP) != 0; }
#endif

}  // namespace glossa::backend
