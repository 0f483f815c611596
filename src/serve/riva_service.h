// Riva's speech recognition service over the scheduler.
#pragma once

#include <memory>
#include <set>
#include <string>

#include "serve/live_options.h"
#include "serve/metrics.h"
#include "serve/scheduler.h"
#include "serve/worker.h"

namespace grpc {
class Service;
}

namespace glossa::serve {

struct RivaOptions {
  std::set<std::string> api_keys;  // of metadata "authorization: Bearer KEY"; empty: open to everybody
  LiveOptions live;
};

// Thread-safe. `scheduler`, `metrics` and `worker` must live longer; the gRPC server must be gone before it.
class RivaService {
 public:
  static constexpr const char* kName = "nvidia.riva.asr.RivaSpeechRecognition";

  RivaService(Scheduler& scheduler, Metrics& metrics, Worker& worker, const RivaOptions& options);
  ~RivaService();
  RivaService(const RivaService&) = delete;
  RivaService& operator=(const RivaService&) = delete;

  grpc::Service& service();

  // From now on new calls are UNAVAILABLE; those in flight go on. Returns when they have ended, or after so
  // many seconds.
  void drain(double seconds);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace glossa::serve
