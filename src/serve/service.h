// What the HTTP port offers: paths, keys, and who answers them.
#pragma once

#include <atomic>
#include <memory>
#include <set>
#include <string>

#include "serve/http.h"
#include "serve/listen.h"
#include "serve/live_options.h"
#include "serve/metrics.h"
#include "serve/scheduler.h"
#include "serve/transcriptions.h"
#include "serve/uploads.h"
#include "serve/worker.h"

namespace glossa::serve {

struct ServiceOptions {
  std::set<std::string> api_keys;  // empty: open to everybody
  LiveOptions live;
  std::string version;
};

// Thread-safe; what it is given must live longer than every request.
class Service {
 public:
  Service(const ServiceOptions& options, Scheduler& scheduler, Metrics& metrics, Worker& worker);

  // Whether what follows this head is worth being read: without a key it is not. handle() refuses without the
  // body.
  bool takes_body(const HttpRequest& head) const;
  void handle(HttpRequest request, std::shared_ptr<HttpReply> reply);
  WebSocketAnswer accept(const HttpRequest& request, std::shared_ptr<WebSocket> socket);

  // /ready says no from now on, so that load balancers look elsewhere.
  void drain() { draining_ = true; }

  // As Uploads.
  bool is_answering() const { return uploads_.is_answering(); }

 private:
  bool is_allowed(const HttpRequest& request) const;

  ServiceOptions options_;
  Scheduler& scheduler_;
  Metrics& metrics_;
  Uploads uploads_;
  Transcriptions transcriptions_;
  Listen listen_;
  std::atomic<bool> draining_ = false;
};

}  // namespace glossa::serve
