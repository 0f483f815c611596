// What the whole process takes from the machine, under the names that Prometheus' client libraries use.
#pragma once

#include <prometheus/metric_family.h>

#include <vector>

namespace glossa::serve {

// As it is now. Of /proc and getrusage(): what cannot be read is left out.
std::vector<prometheus::MetricFamily> process_metrics();

}  // namespace glossa::serve
