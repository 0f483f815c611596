// One client's WebSocket, from the request that asks for it until it is closed.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <utility>  // awaitable.hpp needs it and forgets it

#include <boost/asio/awaitable.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/string_body.hpp>

#include "serve/connection.h"
#include "serve/http.h"

namespace glossa::serve {

struct WebSocketLimits {
  std::int64_t most_message_bytes = 0;
  std::chrono::seconds idle{0};  // a silent client is asked with a ping at half of this, and closed after it
};

// Answers `message`, which asks for an upgrade, and carries the WebSocket until it has ended. `accept` is
// called once.
boost::asio::awaitable<void> carry_web_socket(
    Connection& connection, boost::beast::http::request<boost::beast::http::string_body> message,
    std::string peer, WebSocketAcceptor accept, WebSocketLimits limits);

}  // namespace glossa::serve
