#include "serve/metrics.h"

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>

#include <utility>
#include <vector>

#include "serve/metrics_text.h"
#include "serve/process_metrics.h"

namespace glossa::serve {
namespace {

using prometheus::BuildCounter;
using prometheus::BuildGauge;
using prometheus::BuildHistogram;
using Buckets = prometheus::Histogram::BucketBoundaries;

// 0.08 to 1.12: the lengths of chunks.
const Buckets kSeconds = {0.001, 0.002, 0.005, 0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.56, 1.12, 2.24, 5};
const Buckets kStreams = {1, 2, 4, 8, 16, 32, 64, 128, 256, 512};

}  // namespace

class Metrics::Impl {
 public:
  prometheus::Registry registry;
  prometheus::Family<prometheus::Gauge>& streams =
      BuildGauge().Name("glossa_streams").Help("Open streams by kind").Register(registry);
  prometheus::Gauge& live = streams.Add({{"kind", "live"}});
  prometheus::Gauge& files = streams.Add({{"kind", "file"}});
  prometheus::Gauge& capacity = BuildGauge()
                                    .Name("glossa_capacity_streams")
                                    .Help("Live streams that are admitted at the default latency")
                                    .Register(registry)
                                    .Add({});
  prometheus::Histogram& step_seconds = BuildHistogram()
                                            .Name("glossa_step_seconds")
                                            .Help("Duration of a step of all streams that were ready")
                                            .Register(registry)
                                            .Add({}, kSeconds);
  prometheus::Histogram& step_streams = BuildHistogram()
                                            .Name("glossa_step_streams")
                                            .Help("Streams in a step")
                                            .Register(registry)
                                            .Add({}, kStreams);
  prometheus::Histogram& lag =
      BuildHistogram()
          .Name("glossa_lag_seconds")
          .Help("Live streams: from the arrival of a chunk's last sample to its text")
          .Register(registry)
          .Add({}, kSeconds);
  prometheus::Counter& audio =
      BuildCounter().Name("glossa_audio_seconds_total").Help("Sound decoded").Register(registry).Add({});
  prometheus::Counter& words =
      BuildCounter().Name("glossa_words_total").Help("Words of final utterances").Register(registry).Add({});
  prometheus::Counter& boosted_words =
      BuildCounter()
          .Name("glossa_boosted_words_total")
          .Help("Of these, words that would be others without boosted phrases")
          .Register(registry)
          .Add({});
  prometheus::Counter& refused = BuildCounter()
                                     .Name("glossa_refused_total")
                                     .Help("Streams refused for want of capacity")
                                     .Register(registry)
                                     .Add({});
  prometheus::Family<prometheus::Counter>& finished =
      BuildCounter().Name("glossa_streams_total").Help("Ended streams by outcome").Register(registry);
  prometheus::Family<prometheus::Counter>& requests =
      BuildCounter()
          .Name("glossa_requests_total")
          .Help("Requests and connections by protocol and outcome")
          .Register(registry);
};

Metrics::Metrics() : impl_(std::make_unique<Impl>()) {}
Metrics::~Metrics() = default;

void Metrics::streams(int live, int files) {
  impl_->live.Set(live);
  impl_->files.Set(files);
}

void Metrics::capacity(int streams) { impl_->capacity.Set(streams); }

void Metrics::step(int streams, double seconds, double audio_seconds) {
  impl_->step_seconds.Observe(seconds);
  impl_->step_streams.Observe(streams);
  impl_->audio.Increment(audio_seconds);
}

void Metrics::lag(double seconds) { impl_->lag.Observe(seconds); }

void Metrics::words(std::size_t all, std::size_t boosted) {
  impl_->words.Increment(static_cast<double>(all));
  impl_->boosted_words.Increment(static_cast<double>(boosted));
}

void Metrics::refused() { impl_->refused.Increment(); }

void Metrics::finished(std::string_view how) {
  impl_->finished.Add({{"outcome", std::string(how)}}).Increment();
}

void Metrics::request(std::string_view protocol, std::string_view code) {
  impl_->requests.Add({{"protocol", std::string(protocol)}, {"code", std::string(code)}}).Increment();
}

std::string Metrics::text() const {
  std::vector<prometheus::MetricFamily> families = impl_->registry.Collect();
  for (prometheus::MetricFamily& family : process_metrics()) families.push_back(std::move(family));
  return metrics_text(families);
}

}  // namespace glossa::serve
