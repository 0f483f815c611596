#include "serve/connection.h"

#include <optional>

#include <boost/asio/ssl/context.hpp>
#include <boost/beast/ssl.hpp>
#include <boost/beast/websocket/ssl.hpp>

#include "serve/awaiting.h"

namespace glossa::serve {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
using boost::system::error_code;

}  // namespace

struct Connection::Streams {
  Streams(asio::ip::tcp::socket socket, std::shared_ptr<asio::ssl::context> context)
      : tls(std::move(context)) {
    if (tls) {
      secure.emplace(beast::tcp_stream(std::move(socket)), *tls);
    } else {
      plain.emplace(std::move(socket));
    }
  }

  std::shared_ptr<asio::ssl::context> tls;
  std::optional<beast::tcp_stream> plain;
  std::optional<beast::ssl_stream<beast::tcp_stream>> secure;
};

Connection::Connection(asio::ip::tcp::socket socket, std::shared_ptr<asio::ssl::context> tls)
    : streams_(std::make_unique<Streams>(std::move(socket), std::move(tls))) {}

Connection::~Connection() = default;

beast::tcp_stream& Connection::next_layer() noexcept {
  return streams_->secure ? streams_->secure->next_layer() : *streams_->plain;
}

Connection::executor_type Connection::get_executor() noexcept { return next_layer().get_executor(); }

asio::awaitable<error_code> Connection::begin() {
  error_code error;
  if (streams_->secure) {
    next_layer().expires_after(kHandshake);
    co_await streams_->secure->async_handshake(asio::ssl::stream_base::server, into(error));
  }
  co_return error;
}

asio::awaitable<void> Connection::end() {
  error_code ignored;
  if (streams_->secure) {
    next_layer().expires_after(kHandshake);
    co_await streams_->secure->async_shutdown(into(ignored));
  } else {
    socket().shutdown(asio::ip::tcp::socket::shutdown_send, ignored);
  }
}

void Connection::read_some(const std::vector<asio::mutable_buffer>& room, ByteHandler handler) {
  if (streams_->secure) {
    streams_->secure->async_read_some(room, std::move(handler));
  } else {
    streams_->plain->async_read_some(room, std::move(handler));
  }
}

void Connection::write_some(const std::vector<asio::const_buffer>& bytes, ByteHandler handler) {
  if (streams_->secure) {
    streams_->secure->async_write_some(bytes, std::move(handler));
  } else {
    streams_->plain->async_write_some(bytes, std::move(handler));
  }
}

void Connection::tear_down(beast::role_type role, ByteHandler handler) {
  if (streams_->secure) {
    async_teardown(role, *streams_->secure, std::move(handler));
  } else {
    async_teardown(role, *streams_->plain, std::move(handler));
  }
}

}  // namespace glossa::serve
