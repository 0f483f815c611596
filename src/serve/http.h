// HTTP and WebSocket as protocols see them, without the library that carries them.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "serve/event_log.h"

namespace glossa::serve {

using Fields = std::vector<std::pair<std::string, std::string>>;

// What the values of headers are made of: ASCII whatever its case, and lists ("a, b" without the spaces).
bool same_letters(std::string_view a, std::string_view b);
std::vector<std::string> list_of(std::string_view value);

struct HttpRequest {
  std::string method;  // "POST"
  std::string path;    // "/v1/models", percent-decoded, without the query
  Fields query;        // percent-decoded
  Fields headers;      // names in lower case
  std::string body;
  Origin origin;  // its name is what the client says in X-Request-Id, if anything

  // The first of that name; none where there is none.
  std::optional<std::string> header(std::string_view name) const;
  std::optional<std::string> parameter(std::string_view name) const;
};

// "POST /v1/listen", for the log: what may be a key or a password is left out. Empty for no request.
std::string call_of(const HttpRequest& request);

// The client's end of one request. Thread-safe; every call returns at once, and does nothing when the client
// has gone.
class HttpReply {
 public:
  virtual ~HttpReply() = default;

  // The whole answer, once.
  virtual void send(int status, std::string_view content_type, std::string body, Fields headers = {}) = 0;

  // Or an answer in parts: begin, write any number of times, end.
  virtual void begin(int status, std::string_view content_type) = 0;
  virtual void write(std::string part) = 0;
  virtual void end() = 0;

  // Called once, on the server's thread, when the client leaves before the answer is complete. Set before
  // returning from the handler.
  virtual void on_gone(std::function<void()> gone) = 0;
};

// Called on a thread of the server, and must not block it. May answer later, from any thread.
using HttpHandler = std::function<void(HttpRequest request, std::shared_ptr<HttpReply> reply)>;

// Why a WebSocket is closed: RFC 6455, 7.4.1, and IANA's registry of close codes.
namespace close_code {
inline constexpr int kNormal = 1000;
inline constexpr int kPolicy = 1008;  // what the client sent is of no use, and no other code says why
inline constexpr int kInternalError = 1011;
inline constexpr int kTryAgainLater = 1013;
}  // namespace close_code

// The client's end of a WebSocket. Thread-safe; calls return at once.
class WebSocket {
 public:
  virtual ~WebSocket() = default;
  virtual void send(std::string text) = 0;
  // After what was sent before. `code`: one of close_code.
  virtual void close(int code, std::string_view reason) = 0;
};

// What a protocol does with a WebSocket. Calls come one at a time.
class WebSocketHandler {
 public:
  virtual ~WebSocketHandler() = default;
  virtual void on_open() {}  // the handshake is done; without it on_gone() is all that comes
  virtual void on_text(std::string_view text) = 0;
  virtual void on_binary(std::string_view bytes) = 0;
  virtual void on_look() = 0;  // about twice a second, whatever the client does
  virtual void on_gone() = 0;  // the last call, whoever closed
  virtual double backlog()
      const = 0;  // seconds of sound not decoded yet; the server reads no further while it is large
};

// Without a handler the request to upgrade is answered with the status and the JSON.
struct WebSocketAnswer {
  std::unique_ptr<WebSocketHandler> handler;
  int status = 101;
  std::string json = {};
};
using WebSocketAcceptor =
    std::function<WebSocketAnswer(const HttpRequest& request, std::shared_ptr<WebSocket> socket)>;

}  // namespace glossa::serve
