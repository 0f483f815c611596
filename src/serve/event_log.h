// What happens at the server, for machines: a line of JSON for every request and every stream, with who
// asked, how it ended and how long it took. There is no sound in it, and no text unless it is asked for.
//
//   {"time":"2026-11-26T18:53:38.123Z","level":"info","event":"stream","request":"0f3c...","protocol":"grpc",
//   ...}
//
// Thread-safe.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

#include "base/log.h"
#include "serve/utterances.h"

namespace glossa::serve {

// Gets each line without its end, from many threads; must not block: the scheduler's is among them.
using EventSink = std::function<void(std::string_view line)>;

// From now on; an empty sink ends it. `transcripts`: what was understood is told, too.
void set_event_log(EventSink sink, bool transcripts = false);

// Whose doing something is.
struct Origin {
  std::string request;   // a name that the lines of a request and of its streams share
  std::string protocol;  // "http", "websocket", "grpc", "wyoming"
  std::string peer;      // address of the client
};

// What a client calls its request, if that is 1 to 64 visible ASCII characters; else a new UUID.
std::string request_name(std::string_view given = {});

struct RequestEvent {
  const Origin& origin;
  std::string_view call;    // "POST /v1/listen"; never the query, where keys are
  std::string_view code;    // as Metrics::request()
  bool is_failure = false;  // of this server
  double seconds = 0;       // from its beginning to its end
  std::string_view why = {};
};
void log_request(const RequestEvent& event);

struct StreamEvent {
  const Origin& origin;
  std::size_t stream = 0;     // another for each
  std::string_view kind;      // "live", "file"
  std::string_view latency;   // "80ms"
  std::string_view asked;     // language
  std::string_view language;  // the last one that the model named
  std::string_view outcome;   // as Metrics::finished()
  bool is_failure = false;    // of this server
  std::string_view why;       // it ended before its time
  double audio_seconds = 0;   // heard
  double seconds = 0;         // from its beginning to its end
  double most_lag = 0;        // seconds; as Metrics::lag(), of live streams
  std::size_t utterances = 0;
  std::size_t words = 0;          // of these
  std::size_t boosted_words = 0;  // of these, as Metrics::words()
};
void log_stream(const StreamEvent& event);

// Nothing without `transcripts`.
void log_utterance(const Origin& origin, std::size_t stream, const Utterance& utterance);

// What else there is to say.
void log_message(log::Level level, std::string_view message);

}  // namespace glossa::serve
