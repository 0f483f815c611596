// Replies and WebSockets that tell metrics and the log how they end.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>

#include "serve/http.h"
#include "serve/metrics.h"

namespace glossa::serve {

// `metrics` must live longer. `is_routine`: the log hears of it only when it goes wrong.
std::shared_ptr<HttpReply> recorded(const HttpRequest& request, std::shared_ptr<HttpReply> reply,
                                    Metrics& metrics, bool is_routine);

// Of what no handler has seen.
void record_refusal(const HttpRequest& request, int status, const std::string& why, Metrics& metrics);

// A WebSocket that remembers why it was closed from here.
class RecordedSocket final : public WebSocket {
 public:
  explicit RecordedSocket(std::shared_ptr<WebSocket> socket) : socket_(std::move(socket)) {}

  void send(std::string text) override { socket_->send(std::move(text)); }
  void close(int code, std::string_view reason) override;
  std::string why() const;  // empty: it was not, or all had been said
  bool has_failed() const;  // it was closed for a fault or the capacity of this server

 private:
  std::shared_ptr<WebSocket> socket_;
  mutable std::mutex mutex_;
  std::string why_;
  bool has_failed_ = false;
};

// A refusal is recorded at once, a connection in the metrics when its handshake is done and in the log when
// it ends.
WebSocketAnswer recorded(const HttpRequest& request, WebSocketAnswer answer,
                         std::shared_ptr<RecordedSocket> socket, Metrics& metrics);

}  // namespace glossa::serve
