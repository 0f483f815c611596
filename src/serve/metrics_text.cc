#include "serve/metrics_text.h"

#include <fmt/format.h>

#include <cmath>
#include <string_view>

namespace glossa::serve {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;

std::string number(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "+Inf" : "-Inf";
  return fmt::format("{}", value);
}

std::string escaped(std::string_view text) {
  std::string shown;
  for (const char c : text) {
    if (c == '\n') {
      shown += "\\n";
      continue;
    }
    if (c == '\\' || c == '"') shown += '\\';
    shown += c;
  }
  return shown;
}

// `le`: the bound of a bucket; empty: none.
void add_line(const std::string& name, const ClientMetric& metric, const std::string& le, double value,
              std::string& text) {
  std::vector<std::string> labels;
  for (const ClientMetric::Label& label : metric.label)
    labels.push_back(fmt::format("{}=\"{}\"", label.name, escaped(label.value)));
  if (!le.empty()) labels.push_back(fmt::format("le=\"{}\"", le));
  const std::string all = labels.empty() ? "" : fmt::format("{{{}}}", fmt::join(labels, ","));
  text += fmt::format("{}{} {}\n", name, all, number(value));
}

void add_histogram(const std::string& name, const ClientMetric& metric, std::string& text) {
  const ClientMetric::Histogram& histogram = metric.histogram;
  const auto count = static_cast<double>(histogram.sample_count);
  bool has_last = false;
  for (const ClientMetric::Bucket& bucket : histogram.bucket) {
    has_last = std::isinf(bucket.upper_bound);
    add_line(name + "_bucket", metric, number(bucket.upper_bound),
             static_cast<double>(bucket.cumulative_count), text);
  }
  if (!has_last) add_line(name + "_bucket", metric, "+Inf", count, text);
  add_line(name + "_sum", metric, "", histogram.sample_sum, text);
  add_line(name + "_count", metric, "", count, text);
}

const char* type_name(MetricType type) {
  switch (type) {
    case MetricType::Counter:
      return "counter";
    case MetricType::Gauge:
      return "gauge";
    case MetricType::Histogram:
      return "histogram";
    default:
      return "untyped";
  }
}

void add_metric(const MetricFamily& family, const ClientMetric& metric, std::string& text) {
  switch (family.type) {
    case MetricType::Counter:
      return add_line(family.name, metric, "", metric.counter.value, text);
    case MetricType::Gauge:
      return add_line(family.name, metric, "", metric.gauge.value, text);
    case MetricType::Histogram:
      return add_histogram(family.name, metric, text);
    default:
      return add_line(family.name, metric, "", metric.untyped.value, text);
  }
}

}  // namespace

std::string metrics_text(const std::vector<MetricFamily>& families) {
  std::string text;
  for (const MetricFamily& family : families) {
    text += fmt::format("# HELP {} {}\n# TYPE {} {}\n", family.name, family.help, family.name,
                        type_name(family.type));
    for (const ClientMetric& metric : family.metric) add_metric(family, metric, text);
  }
  return text;
}

}  // namespace glossa::serve
