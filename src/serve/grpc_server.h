// The gRPC port of `glossa serve`: Riva's service, health checks and reflection.
//
//   GrpcServer server({.address = "0.0.0.0:50051"}, scheduler, metrics);
//   wait_for_signal();
//   server.drain(/*seconds=*/30);
#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <set>
#include <string>

#include "serve/live_options.h"
#include "serve/metrics.h"
#include "serve/scheduler.h"
#include "serve/worker.h"

namespace glossa::serve {

struct GrpcServerOptions {
  std::string address = "127.0.0.1:50051";  // "0.0.0.0:50051", "[::]:50051"; port 0: any that is free
  // PEM files, both or none: with them the port speaks TLS alone. Changed files are used for new connections
  // within seconds; each should be replaced as a whole (renamed).
  std::filesystem::path tls_certificate;
  std::filesystem::path tls_key;
  int max_message_bytes = 64 << 20;  // of one message, so of a sound in Recognize
  std::set<std::string> api_keys;    // of metadata "authorization: Bearer KEY"; empty: open to everybody
  LiveOptions live;
};

// Thread-safe. Health checks and reflection need no key.
class GrpcServer {
 public:
  // Listens when it returns. `scheduler`, `metrics` and `worker` must live longer. Error kInvalidArgument
  // when the address cannot be used or one TLS file is missing, kBadInput when a TLS file cannot be read.
  GrpcServer(const GrpcServerOptions& options, Scheduler& scheduler, Metrics& metrics, Worker& worker);

  // As drain(0).
  ~GrpcServer();
  GrpcServer(const GrpcServer&) = delete;
  GrpcServer& operator=(const GrpcServer&) = delete;

  int port() const;

  // Health is NOT_SERVING and new calls are UNAVAILABLE from now on. When calls in flight have ended, at the
  // latest after so many seconds, the rest is cancelled and the port free. Later calls return at once.
  void drain(double seconds);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace glossa::serve
