// Which tables run on this machine. Compiled without instruction-set flags.
#if defined(__aarch64__)
#include <asm/hwcap.h>
#include <sys/auxv.h>
#endif

#if defined(__x86_64__)
#include <cpuid.h>
#endif

#include "backend/cpu/kernel_table.h"

namespace glossa::backend {

bool scalar_runs_here() { return true; }

#if defined(__x86_64__)
bool avx2_runs_here() { return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"); }

// clang 16 knows no name for it.
bool avxvnni_runs_here() {
  unsigned a = 0;
  unsigned b = 0;
  unsigned c = 0;
  unsigned d = 0;
  return __get_cpuid_count(7, 1, &a, &b, &c, &d) != 0 && (a >> 4 & 1) != 0 && avx2_runs_here();
}

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
