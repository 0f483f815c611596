// What the server says over /v1/realtime, numbered.
#pragma once

#include <memory>
#include <mutex>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "serve/api_error.h"
#include "serve/http.h"

namespace glossa::serve {

// Thread-safe.
class RealtimeEvents {
 public:
  explicit RealtimeEvents(std::shared_ptr<WebSocket> socket) : socket_(std::move(socket)) {}

  void send(nlohmann::json event);
  void error(const ApiError& error);
  void close(int code, std::string_view reason) { socket_->close(code, reason); }

  std::string next_item();

  // The sound of an item is complete. `item_event`: what OpenAI's interface, in the form that the client
  // speaks, calls the item's arrival.
  void committed(const std::string& item, const char* item_event);

  // There will be no text of an item.
  void failed(const std::string& item, const ApiError& error);

 private:
  std::shared_ptr<WebSocket> socket_;
  std::mutex mutex_;
  int events_ = 0;
  int items_ = 0;
  std::string last_item_;  // that is complete; empty: none
};

}  // namespace glossa::serve
