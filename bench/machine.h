// What this machine can do at most: the floors that benchmarks print beside their figures.
#pragma once

namespace glossa::bench {

struct MachineCeiling {
  int threads = 0;
  double read_gb_per_s = 0;  // streaming reads of memory much larger than the caches, all threads
  // Arithmetic in registers alone, all threads; a multiply-add is 2 operations.
  double f32_gflop_per_s = 0;
  double int8_gop_per_s = 0;
};

// About two seconds; the best of many rounds, since other guests of a shared machine take their part.
MachineCeiling measure_machine(int threads);

}  // namespace glossa::bench
