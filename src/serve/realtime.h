// /v1/realtime: OpenAI's realtime transcription, the older form of it that Riva's client speaks, and
// captions.
#pragma once

#include <memory>
#include <string>

#include "serve/http.h"
#include "serve/live_options.h"
#include "serve/scheduler.h"

namespace glossa::serve {

// The handler of one connection. Which dialect a client speaks is known from its first message; audio before
// that is captions', or OpenAI's where the address asks for `intent=transcription` or a model. Bad messages
// are answered with an error event and change nothing. `scheduler` must live longer.
std::unique_ptr<WebSocketHandler> make_realtime(Scheduler& scheduler, const LiveOptions& options,
                                                const HttpRequest& request,
                                                std::shared_ptr<WebSocket> socket);

// The answer to POST /v1/realtime/transcription_sessions: what a session is before its client says more.
std::string default_transcription_session(const ModelInfo& model);

}  // namespace glossa::serve
