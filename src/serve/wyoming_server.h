// The listener for Wyoming: lines of JSON and what they announce, over TCP. No keys, no TLS: the protocol has
// neither.
#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "serve/metrics.h"
#include "serve/scheduler.h"

namespace glossa::serve {

struct WyomingServerOptions {
  std::string address = "127.0.0.1";
  int port = 10300;               // 0: any free one
  std::chrono::seconds idle{60};  // a silent connection is closed after this
  std::string version;            // of glossa, for "info"
};

class WyomingServer {
 public:
  // Listens at once. Error kInvalidArgument when the address cannot be had. `scheduler` must live until
  // stop().
  WyomingServer(const WyomingServerOptions& options, Scheduler& scheduler, Metrics& metrics);

  // As stop(). What still holds a peer must be gone before.
  ~WyomingServer();
  WyomingServer(const WyomingServer&) = delete;
  WyomingServer& operator=(const WyomingServer&) = delete;

  int port() const;

  // Accepts nobody any more; connections in flight go on.
  void stop_accepting();

  // No handler is called any more when it returns. Not thread-safe.
  void stop();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace glossa::serve
