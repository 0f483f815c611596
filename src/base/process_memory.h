// What of this process is in memory.
#pragma once

namespace glossa {

struct ProcessMemory {  // bytes
  double resident = 0;
  double anonymous = 0;  // resident and its own: buffers, caches, weights not mapped
  double mapped_files =
      0;  // resident and shared with whoever maps the same file: packed weights, the program
  double proportional =
      0;  // resident, shared pages divided among their users; 0 where the system does not say
};

ProcessMemory process_memory();

// The most bytes that were resident since the last forget_peak_memory(), or since the program began where the
// system does not let go of that.
double peak_memory();
void forget_peak_memory();

}  // namespace glossa
