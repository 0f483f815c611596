// The listener for HTTP/1.1 and WebSocket, plain or over TLS.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>

#include "serve/http.h"

namespace glossa::serve {

struct HttpServerOptions {
  std::string address = "127.0.0.1";
  int port = 8000;                        // 0: any free one
  std::filesystem::path tls_certificate;  // PEM; empty: no TLS. Both files are read again when they change
  std::filesystem::path tls_key;
  std::int64_t most_body_bytes = 100 << 20;
  std::int64_t most_message_bytes = 4 << 20;  // of a WebSocket
  std::chrono::seconds idle{60};              // a silent connection is closed after this
  int threads = 1;                            // that read and write
};

// Called on the server's threads, which they must not block.
struct HttpHooks {
  HttpHandler http;
  WebSocketAcceptor web_socket;
  // False for a request whose body nobody would use; `http` gets it without, and the connection ends.
  std::function<bool(const HttpRequest& head)> takes_body;
  // Of what was no request, or too large a one, or was never complete: what was understood of it, and its
  // status (499: the client left).
  std::function<void(const HttpRequest& request, int status, const std::string& why)> refused;
};

class HttpServer {
 public:
  // Listens at once. Error kInvalidArgument when the address cannot be had or the certificate cannot be used.
  HttpServer(const HttpServerOptions& options, HttpHooks hooks);

  // As stop(), and closes what is open. What still holds a reply or a socket must be gone before.
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

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
