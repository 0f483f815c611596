#include "bench/process_memory.h"

#include <fstream>
#include <limits>
#include <string>
#include <string_view>

namespace glossa::bench {
namespace {

// The bytes behind "name:" in a file of lines "name:   1234 kB"; 0 when there is no such line.
double bytes_of(const char* path, std::string_view name) {
  std::ifstream file(path);
  for (std::string word; file >> word;) {
    double kilobytes = 0;
    if (word == name && file >> kilobytes) return kilobytes * 1024;
    file.clear();
    file.ignore(std::numeric_limits<std::streamsize>::max(), '\n');
  }
  return 0;
}

}  // namespace

ProcessMemory process_memory() {
  constexpr const char* kStatus = "/proc/self/status";
  return {.resident = bytes_of(kStatus, "VmRSS:"),
          .anonymous = bytes_of(kStatus, "RssAnon:"),
          .mapped_files = bytes_of(kStatus, "RssFile:"),
          .proportional = bytes_of("/proc/self/smaps_rollup", "Pss:")};
}

}  // namespace glossa::bench
