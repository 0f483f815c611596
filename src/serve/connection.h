// The bytes to and from a client, over TCP or TLS. One type for both, behind which the handlers are one type,
// too: the HTTP library's templates take a minute for each kind of stream that they are compiled for.
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <type_traits>
#include <utility>
#include <vector>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core/role.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/system/error_code.hpp>

namespace boost::asio::ssl {
class context;
}

namespace glossa::serve {

// For the handshakes of TLS and of a WebSocket, and for their ends.
inline constexpr std::chrono::seconds kHandshake{10};
// Between looks whether a client who is waited for, or waits, is still there.
inline constexpr std::chrono::milliseconds kLookForClient{500};

// A handler of any type, called once, on its own executor.
class ByteHandler {
 public:
  using executor_type = boost::asio::any_io_executor;

  template <class Handler>
  ByteHandler(Handler handler, const executor_type& otherwise)
      : executor_(boost::asio::get_associated_executor(handler, otherwise)),
        held_(std::make_unique<Held<Handler>>(std::move(handler))) {}

  executor_type get_executor() const noexcept { return executor_; }
  void operator()(boost::system::error_code error, std::size_t bytes = 0) {
    std::exchange(held_, nullptr)->call(error, bytes);
  }

 private:
  struct AnyHeld {
    virtual ~AnyHeld() = default;
    virtual void call(boost::system::error_code error, std::size_t bytes) = 0;
  };
  template <class Handler>
  struct Held final : AnyHeld {
    explicit Held(Handler held) : handler(std::move(held)) {}
    void call(boost::system::error_code error, std::size_t bytes) override {
      if constexpr (std::is_invocable_v<Handler, boost::system::error_code, std::size_t>) {
        std::move(handler)(error, bytes);
      } else {
        std::move(handler)(error);
      }
    }
    Handler handler;
  };

  executor_type executor_;
  std::unique_ptr<AnyHeld> held_;
};

// Asio's AsyncReadStream and AsyncWriteStream, as Beast wants them of a layer below HTTP or WebSocket. Not
// thread-safe: on its socket's executor alone.
class Connection {
 public:
  using executor_type = boost::asio::any_io_executor;

  // Plain where `tls` is null.
  Connection(boost::asio::ip::tcp::socket socket, std::shared_ptr<boost::asio::ssl::context> tls);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  executor_type get_executor() noexcept;

  // What is below TLS, which has the time limits.
  boost::beast::tcp_stream& next_layer() noexcept;
  boost::asio::ip::tcp::socket& socket() { return next_layer().socket(); }

  // TLS's beginning and end; without TLS the beginning is nothing, and the end is that no more is sent.
  boost::asio::awaitable<boost::system::error_code> begin();
  boost::asio::awaitable<void> end();

  template <class Buffers, class Token>
  typename boost::asio::async_result<std::decay_t<Token>,
                                     void(boost::system::error_code, std::size_t)>::return_type
  async_read_some(const Buffers& buffers, Token&& token) {
    return boost::asio::async_initiate<Token, void(boost::system::error_code, std::size_t)>(
        [this](auto&& handler, const std::vector<boost::asio::mutable_buffer>& room) {
          read_some(room, ByteHandler(std::move(handler), get_executor()));
        },
        token,
        std::vector<boost::asio::mutable_buffer>(boost::asio::buffer_sequence_begin(buffers),
                                                 boost::asio::buffer_sequence_end(buffers)));
  }

  template <class Buffers, class Token>
  typename boost::asio::async_result<std::decay_t<Token>,
                                     void(boost::system::error_code, std::size_t)>::return_type
  async_write_some(const Buffers& buffers, Token&& token) {
    return boost::asio::async_initiate<Token, void(boost::system::error_code, std::size_t)>(
        [this](auto&& handler, const std::vector<boost::asio::const_buffer>& bytes) {
          write_some(bytes, ByteHandler(std::move(handler), get_executor()));
        },
        token,
        std::vector<boost::asio::const_buffer>(boost::asio::buffer_sequence_begin(buffers),
                                               boost::asio::buffer_sequence_end(buffers)));
  }

  // Beast's, after a WebSocket's closing handshake; found by argument-dependent lookup.
  template <class Handler>
  friend void async_teardown(boost::beast::role_type role, Connection& connection, Handler&& handler) {
    connection.tear_down(
        role, ByteHandler(std::decay_t<Handler>(std::forward<Handler>(handler)), connection.get_executor()));
  }

 private:
  struct Streams;

  void read_some(const std::vector<boost::asio::mutable_buffer>& room, ByteHandler handler);
  void write_some(const std::vector<boost::asio::const_buffer>& bytes, ByteHandler handler);
  void tear_down(boost::beast::role_type role, ByteHandler handler);

  std::unique_ptr<Streams> streams_;
};

}  // namespace glossa::serve
