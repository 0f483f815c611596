// Memory of a process that does nothing but recognise.
#pragma once

#include "base/process_memory.h"
#include "bench/probe.h"
#include "glossa/recognizer.hpp"

namespace glossa::bench {

struct MemoryUse {
  ProcessMemory loaded;      // no stream yet
  ProcessMemory one_stream;  // with its past full
  int further_streams = 0;
  double bytes_per_further_stream = 0;  // resident, their share of the work space included
};

// In the child.
ProbeValues probe_memory(const RecognizerOptions& options, AttContext context);

MemoryUse memory_use(const ProbeValues& probe);

}  // namespace glossa::bench
