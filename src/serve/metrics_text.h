// Metrics in the text format of Prometheus, version 0.0.4. prometheus-cpp's own writes 0.56 as
// 0.5600000000000001, which no longer matches what a query says.
#pragma once

#include <prometheus/metric_family.h>

#include <string>
#include <vector>

namespace glossa::serve {

// Numbers have as many digits as it takes to read the same number again.
std::string metrics_text(const std::vector<prometheus::MetricFamily>& families);

}  // namespace glossa::serve
