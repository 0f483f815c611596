// What this machine can do at most: the floors that benchmarks print beside their figures.
#pragma once

#include <memory>
#include <string>

namespace glossa::bench {

struct MachineCeiling {
  std::string processor;     // as the system names it
  std::string kernels;       // instruction set of the int8 and f32 kernels, e.g. "avx512vnni, avx512"
  int cores = 0;             // that this process may run on
  int threads = 0;           // that the figures below are of
  double read_gb_per_s = 0;  // streaming reads of memory much larger than the caches
  // Arithmetic in registers alone; a multiply-add is 2 operations.
  double f32_gflop_per_s = 0;
  double int8_gop_per_s = 0;
};

// Of this process: what taskset or a container leaves it.
int usable_cores();

// About two seconds; the better ones of many rounds, since other guests of a shared machine take their part.
MachineCeiling measure_machine(int threads);

// What the machine reads at this moment. Other guests of a shared machine take a part of the memory's
// bandwidth that changes within seconds, so a figure's floor is measured between its own steps.
class ReadProbe {
 public:
  explicit ReadProbe(int threads);
  ~ReadProbe();
  double gb_per_s();  // of a few milliseconds

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace glossa::bench
