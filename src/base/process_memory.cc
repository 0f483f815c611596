#include "base/process_memory.h"

#include <fstream>
#include <limits>
#include <string>
#include <string_view>

namespace glossa {
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

constexpr const char* kStatus = "/proc/self/status";

}  // namespace

ProcessMemory process_memory() {
  return {.resident = bytes_of(kStatus, "VmRSS:"),
          .anonymous = bytes_of(kStatus, "RssAnon:"),
          .mapped_files = bytes_of(kStatus, "RssFile:"),
          .proportional = bytes_of("/proc/self/smaps_rollup", "Pss:")};
}

double peak_memory() { return bytes_of(kStatus, "VmHWM:"); }

void forget_peak_memory() {
  constexpr const char* kPeak = "5";  // proc(5), clear_refs
  std::ofstream("/proc/self/clear_refs") << kPeak;
}

}  // namespace glossa
