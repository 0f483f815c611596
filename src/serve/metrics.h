// What an operator watches, as Prometheus reads it. Thread-safe.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

namespace glossa::serve {

class Metrics {
 public:
  Metrics();
  ~Metrics();
  Metrics(const Metrics&) = delete;
  Metrics& operator=(const Metrics&) = delete;

  // The scheduler's.
  void streams(int live, int files);
  void capacity(int streams);
  void step(int streams, double seconds, double audio_seconds);
  void lag(double seconds);                          // from the arrival of a chunk's last sample to its text
  void words(std::size_t all, std::size_t boosted);  // of final utterances; those that boosting changed
  void refused();
  void finished(std::string_view how);  // "ok", "cancelled", "error"

  // A protocol's: one request or connection and its outcome, an HTTP status or gRPC code.
  void request(std::string_view protocol, std::string_view code);

  // The page of /metrics.
  std::string text() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace glossa::serve
