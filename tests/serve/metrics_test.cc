// Oracle: Prometheus' text format, version 0.0.4, by hand.
#include "serve/metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "serve/metrics_text.h"

namespace glossa::serve {
namespace {

using ::testing::ContainsRegex;
using ::testing::HasSubstr;
using ::testing::Not;

TEST(Metrics, BoundsAreWrittenAsTheyAreMeant) {
  Metrics metrics;
  metrics.lag(0.1);
  metrics.lag(3);
  const std::string text = metrics.text();
  EXPECT_THAT(text, HasSubstr("# TYPE glossa_lag_seconds histogram\n"));
  for (const char* line : {"bucket{le=\"0.56\"} 1\n", "bucket{le=\"0.08\"} 0\n", "bucket{le=\"5\"} 2\n",
                           "bucket{le=\"+Inf\"} 2\n", "sum 3.1\n", "count 2\n"})
    EXPECT_THAT(text, HasSubstr(std::string("glossa_lag_seconds_") + line));
  EXPECT_THAT(text, Not(HasSubstr("0.560000")));
}

TEST(Metrics, WordsThatBoostingChangedAreCounted) {
  Metrics metrics;
  metrics.words(5, 0);
  metrics.words(7, 2);
  EXPECT_THAT(metrics.text(), HasSubstr("\nglossa_words_total 12\n"));
  EXPECT_THAT(metrics.text(), HasSubstr("\nglossa_boosted_words_total 2\n"));
}

TEST(Metrics, TheProcessIsThere) {
  const std::string text = Metrics().text();
  EXPECT_THAT(text, HasSubstr("# TYPE process_cpu_seconds_total counter\nprocess_cpu_seconds_total "));
  EXPECT_THAT(text, HasSubstr("# TYPE process_resident_memory_bytes gauge\n"));
  EXPECT_THAT(text, ContainsRegex("\nprocess_resident_memory_bytes [0-9.e+]*[1-9]"));
  EXPECT_THAT(text, ContainsRegex("\nprocess_open_fds [1-9]"));
}

TEST(Metrics, LabelsAreEscaped) {
  prometheus::ClientMetric metric;
  metric.label = {{"code", "a\\b\"c\nd"}};
  metric.gauge.value = std::numeric_limits<double>::infinity();
  EXPECT_EQ(metrics_text({{"x", "Help", prometheus::MetricType::Gauge, {metric}}}),
            "# HELP x Help\n# TYPE x gauge\nx{code=\"a\\\\b\\\"c\\nd\"} +Inf\n");
}

}  // namespace
}  // namespace glossa::serve
