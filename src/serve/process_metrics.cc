#include "serve/process_metrics.h"

#include <sys/resource.h>
#include <unistd.h>

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <string>
#include <system_error>
#include <utility>

namespace glossa::serve {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;

std::optional<double> resident_bytes() {
  std::ifstream statm("/proc/self/statm");
  std::int64_t size = 0;
  std::int64_t resident = 0;
  if (!(statm >> size >> resident)) return std::nullopt;
  return static_cast<double>(resident) * static_cast<double>(sysconf(_SC_PAGESIZE));
}

std::optional<double> cpu_seconds() {
  rusage usage{};
  if (getrusage(RUSAGE_SELF, &usage) != 0) return std::nullopt;
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

std::optional<double> open_descriptors() {
  std::error_code error;
  const std::filesystem::directory_iterator all("/proc/self/fd", error);
  if (error) return std::nullopt;
  return static_cast<double>(std::distance(begin(all), end(all)) - 1);  // one is for this look
}

void add(const char* name, const char* help, MetricType type, std::optional<double> value,
         std::vector<MetricFamily>& families) {
  if (!value) return;
  ClientMetric metric;
  metric.counter.value = metric.gauge.value = *value;
  families.push_back({name, help, type, {std::move(metric)}});
}

}  // namespace

std::vector<MetricFamily> process_metrics() {
  std::vector<MetricFamily> families;
  add("process_resident_memory_bytes", "Resident memory size in bytes", MetricType::Gauge, resident_bytes(),
      families);
  add("process_cpu_seconds_total", "Total user and system CPU time spent in seconds", MetricType::Counter,
      cpu_seconds(), families);
  add("process_open_fds", "Number of open file descriptors", MetricType::Gauge, open_descriptors(), families);
  return families;
}

}  // namespace glossa::serve
