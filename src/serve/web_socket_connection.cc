#include "serve/web_socket_connection.h"

#include <atomic>
#include <chrono>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/write.hpp>
#include <boost/beast/websocket.hpp>

#include "serve/awaiting.h"
#include "serve/http_message.h"
#include "serve/outbox.h"
#include "serve/stream_limits.h"

namespace glossa::serve {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
namespace websocket = beast::websocket;
using boost::system::error_code;
using namespace std::chrono_literals;

using Web = websocket::stream<Connection&>;

constexpr std::size_t kMostUnsent = 8 << 20;  // bytes that wait for a slow reader

struct SocketPart {
  std::string text;
  int close_code = 0;  // 0: a text message
};

class Socket final : public WebSocket {
 public:
  explicit Socket(std::shared_ptr<Outbox<SocketPart>> outbox) : outbox_(std::move(outbox)) {}

  void send(std::string text) override {
    if (unsent_ += text.size(); unsent_ > kMostUnsent) {
      outbox_->close();  // the writer notices and drops the connection
      return;
    }
    outbox_->push({std::move(text), 0});
  }
  void close(int code, std::string_view reason) override { outbox_->push({std::string(reason), code}); }
  void sent(std::size_t bytes) { unsent_ -= bytes; }

 private:
  std::shared_ptr<Outbox<SocketPart>> outbox_;
  std::atomic<std::size_t> unsent_ = 0;
};

websocket::stream_base::timeout while_reading(std::chrono::seconds idle) { return {kHandshake, idle, true}; }

// `closing`: close_in_time() has begun, which has the stream's time limits for itself.
asio::awaitable<void> read_messages(Web& web, WebSocketHandler& handler, const bool& closing,
                                    std::chrono::seconds idle) {
  beast::flat_buffer buffer;
  asio::steady_timer pause(web.get_executor());
  while (true) {
    error_code error;
    co_await web.async_read(buffer, into(error));
    if (error) co_return;
    const std::string_view bytes(static_cast<const char*>(buffer.data().data()), buffer.size());
    if (web.got_text()) {
      handler.on_text(bytes);
    } else {
      handler.on_binary(bytes);
    }
    buffer.clear();
    if (handler.backlog() <= kMostBacklog) continue;
    // Whose answers to pings are not read is not idle for that. The next read sets the timer again.
    if (!closing)
      web.set_option(websocket::stream_base::timeout{kHandshake, websocket::stream_base::none(), false});
    while (handler.backlog() > kMostBacklog) {
      pause.expires_after(kBacklogPause);
      co_await pause.async_wait(into(error));
    }
    if (!closing) web.set_option(while_reading(idle));
  }
}

// With a time limit of its own: when Beast 1.74's comes while a client that has answered keeps the
// connection open, the read that waits for the end gets `timeout`, which an assertion of Beast's forbids
// (boostorg/beast issue 2264).
asio::awaitable<void> close_in_time(Web& web, const websocket::close_reason& reason) {
  const auto none = websocket::stream_base::none();
  web.set_option(websocket::stream_base::timeout{none, none, false});
  co_await asio::post(web.get_executor(), asio::use_awaitable);  // its timer's handler may be on its way
  asio::steady_timer limit(web.get_executor(), kHandshake);
  // The stream may be gone when the timer's handler runs.
  const auto is_open = std::make_shared<bool>(true);
  limit.async_wait([&web, is_open](error_code stopped) {
    if (!stopped && *is_open) web.next_layer().next_layer().close();
  });
  error_code ignored;
  co_await web.async_close(reason, into(ignored));
  *is_open = false;
}

asio::awaitable<void> write_messages(Web& web, std::shared_ptr<Outbox<SocketPart>> outbox,
                                     std::shared_ptr<Socket> socket, std::shared_ptr<Outbox<bool>> ended,
                                     const bool& reading, bool& closing) {
  error_code error;
  web.text(true);
  while (!error && reading) {
    std::optional<SocketPart> part = outbox->pop();
    if (outbox->closed()) break;
    if (!part) {
      error_code woken;
      co_await outbox->timer(1000ms).async_wait(into(woken));
      continue;
    }
    if (part->close_code != 0) {
      const websocket::close_reason reason(static_cast<websocket::close_code>(part->close_code),
                                           part->text.substr(0, 120));
      closing = true;
      co_await close_in_time(web, reason);
      break;
    }
    if (part->text.empty()) continue;
    co_await web.async_write(asio::buffer(part->text), into(error));
    socket->sent(part->text.size());
  }
  ended->push(true);
}

// Drops a client that reads so slowly that its outbox was closed: the writer hangs in a write then.
asio::awaitable<void> watch_reader(Web& web, WebSocketHandler& handler,
                                   std::shared_ptr<Outbox<SocketPart>> outbox,
                                   std::shared_ptr<Outbox<bool>> ended, const bool& reading) {
  asio::steady_timer pause(web.get_executor());
  while (reading && !outbox->closed()) {
    error_code woken;
    pause.expires_after(kLookForClient);
    co_await pause.async_wait(into(woken));
    if (reading) handler.on_look();
  }
  if (outbox->closed()) web.next_layer().next_layer().close();
  ended->push(true);
}

}  // namespace

asio::awaitable<void> carry_web_socket(Connection& connection, http::request<http::string_body> message,
                                       std::string peer, WebSocketAcceptor accept, WebSocketLimits limits) {
  auto outbox = std::make_shared<Outbox<SocketPart>>(connection.get_executor());
  auto peer_end = std::make_shared<Socket>(outbox);
  const HttpRequest request = convert(http::request<http::string_body>(message), "websocket", peer);
  const WebSocketAnswer answer = accept(request, peer_end);
  error_code error;
  if (!answer.handler) {
    http::response<http::string_body> response =
        last_answer(answer.status, message.version(), request.origin.request, answer.json);
    co_await http::async_write(connection, response, into(error));
    co_return;
  }
  Web web(connection);
  web.set_option(while_reading(limits.idle));
  web.read_message_max(static_cast<std::size_t>(limits.most_message_bytes));
  const std::vector<std::string> offered = list_of(request.header("sec-websocket-protocol").value_or(""));
  web.set_option(websocket::stream_base::decorator([&](websocket::response_type& response) {
    response.set(kRequestName, request.origin.request);
    // Browsers hang up when none of the protocols that they offer is chosen.
    if (!offered.empty()) response.set(http::field::sec_websocket_protocol, offered.front());
  }));
  co_await web.async_accept(message, into(error));
  if (!error) {
    answer.handler->on_open();
    bool reading = true;
    bool closing = false;
    auto ended = std::make_shared<Outbox<bool>>(connection.get_executor());  // of the two coroutines below
    asio::co_spawn(connection.get_executor(), write_messages(web, outbox, peer_end, ended, reading, closing),
                   asio::detached);
    asio::co_spawn(connection.get_executor(), watch_reader(web, *answer.handler, outbox, ended, reading),
                   asio::detached);
    co_await read_messages(web, *answer.handler, closing, limits.idle);
    reading = false;
    answer.handler->on_gone();
    outbox->push({});
    const auto latest = std::chrono::steady_clock::now() + kHandshake;
    for (int left = 2; left > 0;) {
      if (ended->pop()) {
        --left;
        continue;
      }
      error_code woken;
      co_await ended->timer(1000ms).async_wait(into(woken));
      // A client that has said its last word and does not read leaves the writer in a write for ever.
      if (std::chrono::steady_clock::now() > latest) connection.next_layer().close();
    }
  } else {
    answer.handler->on_gone();
  }
  outbox->close();
}

}  // namespace glossa::serve
