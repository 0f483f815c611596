// /v1/listen: Deepgram's interface, for agent frameworks that have a client of it. A WebSocket for streams,
// POST for files.
#pragma once

#include <memory>
#include <string>

#include "serve/http.h"
#include "serve/live_options.h"
#include "serve/scheduler.h"
#include "serve/uploads.h"

namespace glossa::serve {

// Thread-safe; what it is given must live longer than every request.
class Listen {
 public:
  Listen(Scheduler& scheduler, Uploads& uploads, const LiveOptions& options, std::string version)
      : scheduler_(scheduler), uploads_(uploads), options_(options), version_(std::move(version)) {}

  // The query is read before the upgrade: what is wrong with it is the answer. Binary messages are sound;
  // KeepAlive, Finalize and CloseStream as Deepgram has them. A stream takes a place from its first sound on.
  WebSocketAnswer accept(const HttpRequest& request, std::shared_ptr<WebSocket> socket);

  // The body is a sound file, or samples as `encoding` and `sample_rate` say.
  void handle(HttpRequest request, std::shared_ptr<HttpReply> reply);

 private:
  Scheduler& scheduler_;
  Uploads& uploads_;
  LiveOptions options_;
  std::string version_;
};

}  // namespace glossa::serve
