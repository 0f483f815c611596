#include "serve/http_server.h"

#include <poll.h>

#include <algorithm>
#include <exception>
#include <thread>
#include <utility>
#include <vector>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/websocket/rfc6455.hpp>

#include "base/log.h"
#include "serve/awaiting.h"
#include "serve/certificates.h"
#include "serve/connection.h"
#include "serve/http_message.h"
#include "serve/listening.h"
#include "serve/outbox.h"
#include "serve/web_socket_connection.h"

namespace glossa::serve {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
namespace websocket = beast::websocket;
using asio::ip::tcp;
using boost::system::error_code;
using namespace std::chrono_literals;

constexpr std::size_t kMostBuffered = 256 << 10;  // bytes read and not yet parsed

struct ReplyPart {
  enum class Kind { kWhole, kBegin, kMore, kEnd };
  Kind kind = Kind::kWhole;
  int status = 200;
  std::string content_type;
  std::string body;
  Fields headers;
};

class Reply final : public HttpReply {
 public:
  explicit Reply(std::shared_ptr<Outbox<ReplyPart>> outbox) : outbox_(std::move(outbox)) {}

  void send(int status, std::string_view content_type, std::string body, Fields headers) override {
    outbox_->push(
        {ReplyPart::Kind::kWhole, status, std::string(content_type), std::move(body), std::move(headers)});
  }
  void begin(int status, std::string_view content_type) override {
    outbox_->push({ReplyPart::Kind::kBegin, status, std::string(content_type), {}, {}});
  }
  void write(std::string part) override {
    outbox_->push({ReplyPart::Kind::kMore, 0, {}, std::move(part), {}});
  }
  void end() override { outbox_->push({ReplyPart::Kind::kEnd, 0, {}, {}, {}}); }
  void on_gone(std::function<void()> gone) override { gone_ = std::move(gone); }

  void tell_gone() {
    outbox_->close();
    if (gone_) std::exchange(gone_, nullptr)();
  }

  // Whoever is told when the client goes may own this reply, and would never be freed.
  void forget_gone() { gone_ = nullptr; }

 private:
  std::shared_ptr<Outbox<ReplyPart>> outbox_;
  std::function<void()> gone_;
};

struct ForgetGone {
  Reply& reply;
  ~ForgetGone() { reply.forget_gone(); }
};

// Beast knows chunked alone: with any other coding it finds no body, and would take that for the next
// request.
bool has_unknown_coding(const http::fields& fields) {
  const auto [begin, end] = fields.equal_range(http::field::transfer_encoding);
  return std::any_of(begin, end, [&](const auto& field) {
    return std::next(begin) != end || !beast::iequals(field.value(), "chunked");
  });
}

// Who has shut down the sending half has gone, too: nobody knows whether it still reads. Bytes that were not
// read yet, such as the end of TLS or another request, may stand before that.
bool has_gone(tcp::socket& socket) {
  if (!socket.is_open()) return true;
  pollfd look{socket.native_handle(), POLLRDHUP, 0};
  return ::poll(&look, 1, 0) > 0;
}

}  // namespace

class HttpServer::Impl {
 public:
  Impl(const HttpServerOptions& options, HttpHooks hooks)
      : options_(options), hooks_(std::move(hooks)), acceptor_(context_) {
    if (!options.tls_certificate.empty()) certificates_.emplace(options.tls_certificate, options.tls_key);
    port_ = listen_on(acceptor_, options.address, options.port);
    const auto serve = [this](tcp::socket socket, std::string peer) {
      const asio::any_io_executor executor = socket.get_executor();
      asio::co_spawn(executor, carry(std::move(socket), std::move(peer)), asio::detached);
    };
    asio::co_spawn(context_, accept_all(acceptor_, serve), asio::detached);
    for (int index = 0; index < options.threads; ++index) threads_.emplace_back([this] { context_.run(); });
  }

  ~Impl() { stop(); }

  void stop() {
    context_.stop();
    for (std::thread& thread : threads_) thread.join();
    threads_.clear();
  }

  int port() const { return port_; }

  void stop_accepting() {
    asio::post(context_, [this] {
      error_code ignored;
      acceptor_.close(ignored);
    });
  }

 private:
  asio::awaitable<void> carry(tcp::socket socket, std::string peer) {
    try {
      Connection connection(std::move(socket), certificates_ ? certificates_->current() : nullptr);
      if (co_await connection.begin()) co_return;
      co_await requests(connection, peer);
      co_await connection.end();
    } catch (const std::exception& error) {
      log::warning(std::string("a connection ended: ") + error.what());
    }
  }

  asio::awaitable<void> requests(Connection& connection, const std::string& peer) {
    beast::flat_buffer buffer(kMostBuffered);
    for (bool more = true; more;) {
      http::request_parser<http::string_body> parser;
      parser.body_limit(static_cast<std::uint64_t>(options_.most_body_bytes));
      connection.next_layer().expires_after(options_.idle);
      error_code error;
      co_await http::async_read_header(connection, buffer, parser, into(error));
      if (!error && has_unknown_coding(parser.get())) error = http::error::bad_transfer_encoding;
      const auto heard = [&] {
        return parser.is_header_done() ? convert(parser.release(), "http", peer)
                                       : HttpRequest{.origin = {request_name(), "http", peer}};
      };
      if (error) co_return co_await refuse(connection, error, heard());
      if (websocket::is_upgrade(parser.get())) {
        connection.next_layer().expires_never();
        co_await carry_web_socket(connection, parser.release(), peer, hooks_.web_socket,
                                  {options_.most_message_bytes, options_.idle});
        co_return;
      }
      const bool unwanted =
          !parser.is_done() &&
          !hooks_.takes_body(convert(http::request<http::string_body>(parser.get().base()), "http", peer));
      if (!unwanted && beast::iequals(parser.get()[http::field::expect], "100-continue")) {
        http::response<http::empty_body> go_on(http::status::continue_, 11);
        co_await http::async_write(connection, go_on, into(error));
        if (error) co_return;
      }
      while (!unwanted && !parser.is_done()) {  // long uploads may take their time, silent ones may not
        connection.next_layer().expires_after(options_.idle);
        co_await http::async_read_some(connection, buffer, parser, into(error));
        if (error) co_return co_await refuse(connection, error, heard());
      }
      more = parser.get().keep_alive() && !unwanted;
      const unsigned version = parser.get().version();
      const bool head = parser.get().method() == http::verb::head;
      auto outbox = std::make_shared<Outbox<ReplyPart>>(connection.get_executor());
      auto reply = std::make_shared<Reply>(outbox);
      HttpRequest request = heard();
      if (head) request.method = "GET";
      const std::string name = request.origin.request;
      const ForgetGone forgets{*reply};
      hooks_.http(std::move(request), reply);
      if (!co_await answer(connection, *outbox, name, version, more, head)) {
        reply->tell_gone();
        co_return;
      }
      if (unwanted) co_await let_read_the_answer(connection);
    }
  }

  // A connection that is closed with bytes unread is reset, and the answer lost. What still comes is thrown
  // away.
  asio::awaitable<void> let_read_the_answer(Connection& connection) {
    constexpr auto kLinger = 2s;
    error_code error;
    connection.socket().shutdown(tcp::socket::shutdown_send, error);
    connection.next_layer().expires_after(kLinger);
    std::vector<char> bytes(1u << 16);
    while (!error) co_await connection.next_layer().async_read_some(asio::buffer(bytes), into(error));
  }

  // False when the client has gone.
  asio::awaitable<bool> answer(Connection& connection, Outbox<ReplyPart>& outbox, const std::string& name,
                               unsigned version, bool& more, bool head) {
    error_code error;
    http::response<http::empty_body> parts;
    http::response_serializer<http::empty_body> serializer(parts);
    while (true) {
      std::optional<ReplyPart> part = outbox.pop();
      if (!part) {
        error_code woken;
        co_await outbox.timer(kLookForClient).async_wait(into(woken));
        if (has_gone(connection.socket())) co_return false;
        continue;
      }
      connection.next_layer().expires_after(options_.idle);
      switch (part->kind) {
        case ReplyPart::Kind::kWhole: {
          http::response<http::string_body> whole(static_cast<http::status>(part->status), version);
          set_common(whole, name);
          whole.set(http::field::content_type, part->content_type);
          for (const auto& [field, value] : part->headers) whole.set(field, value);
          whole.keep_alive(more);
          whole.body() = std::move(part->body);
          whole.prepare_payload();
          if (head) whole.body().clear();
          co_await http::async_write(connection, whole, into(error));
          more = more && whole.keep_alive();
          co_return !error;
        }
        case ReplyPart::Kind::kBegin:
          parts.result(static_cast<http::status>(part->status));
          parts.version(version);
          set_common(parts, name);
          parts.set(http::field::content_type, part->content_type);
          parts.set(http::field::cache_control, "no-cache");
          parts.keep_alive(more);
          parts.chunked(true);
          co_await http::async_write_header(connection, serializer, into(error));
          break;
        case ReplyPart::Kind::kMore:
          if (!part->body.empty())
            co_await asio::async_write(connection, http::make_chunk(asio::buffer(part->body)), into(error));
          break;
        case ReplyPart::Kind::kEnd:
          co_await asio::async_write(connection, http::make_chunk_last(), into(error));
          co_return !error;
      }
      if (error) co_return false;
    }
  }

  // What cannot be read gets a last word where that is possible.
  asio::awaitable<void> refuse(Connection& connection, error_code error, const HttpRequest& request) {
    if (error == http::error::end_of_stream || error == asio::error::eof || error == beast::error::timeout ||
        error.category() != http::make_error_code(http::error::end_of_stream).category()) {
      // Between requests that is how connections end.
      if (!call_of(request).empty()) hooks_.refused(request, 499, error.message());
      co_return;
    }
    const bool large = error == http::error::body_limit || error == http::error::header_limit;
    hooks_.refused(request, large ? 413 : 400, error.message());
    http::response<http::string_body> response =
        last_answer(large ? 413 : 400, 11, request.origin.request,
                    large ? R"({"error":{"message":"the request is larger than this server takes","type":)"
                            R"("invalid_request_error","param":null,"code":"too_large"}})"
                          : R"({"error":{"message":"the request is not HTTP","type":"invalid_request_error",)"
                            R"("param":null,"code":"bad_request"}})");
    error_code ignored;
    co_await http::async_write(connection, response, into(ignored));
    if (large) co_await let_read_the_answer(connection);
  }

  HttpServerOptions options_;
  HttpHooks hooks_;
  std::optional<Certificates> certificates_;
  asio::io_context context_;
  tcp::acceptor acceptor_;
  int port_ = 0;
  std::vector<std::thread> threads_;
};

HttpServer::HttpServer(const HttpServerOptions& options, HttpHooks hooks)
    : impl_(std::make_unique<Impl>(options, std::move(hooks))) {}

HttpServer::~HttpServer() = default;

int HttpServer::port() const { return impl_->port(); }
void HttpServer::stop_accepting() { impl_->stop_accepting(); }
void HttpServer::stop() { impl_->stop(); }

}  // namespace glossa::serve
