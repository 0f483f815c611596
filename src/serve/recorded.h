// Replies and WebSockets that tell metrics and the log how they end.
#pragma once

#include <memory>

#include "serve/http.h"
#include "serve/metrics.h"

namespace glossa::serve {

// `metrics` must live longer. `is_routine`: the log hears of it only when it goes wrong.
std::shared_ptr<HttpReply> recorded(const HttpRequest& request, std::shared_ptr<HttpReply> reply,
                                    Metrics& metrics, bool is_routine);

// A refusal is recorded at once, a connection in the metrics when it begins and in the log when it ends.
WebSocketAnswer recorded(const HttpRequest& request, WebSocketAnswer answer, Metrics& metrics);

}  // namespace glossa::serve
