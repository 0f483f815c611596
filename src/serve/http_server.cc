#include "serve/http_server.h"

#include <sys/socket.h>

#include <atomic>
#include <exception>
#include <thread>
#include <utility>
#include <vector>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/ssl.hpp>
#include <boost/beast/websocket.hpp>
#include <boost/beast/websocket/ssl.hpp>

#include "base/log.h"
#include "serve/certificates.h"
#include "serve/listening.h"
#include "serve/outbox.h"
#include "serve/url.h"

namespace glossa::serve {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
namespace websocket = beast::websocket;
using asio::ip::tcp;
using boost::system::error_code;
using namespace std::chrono_literals;

constexpr auto kLookForClient =
    500ms;  // how often a waiting connection looks whether the client is still there
constexpr auto kBacklogPause = 50ms;  // between looks at a handler that is behind
constexpr double kMostBacklog = 30;   // seconds of sound
constexpr auto kHandshake = 10s;
constexpr std::size_t kMostBuffered = 256 << 10;  // bytes read and not yet parsed
constexpr std::size_t kMostUnsent = 8 << 20;      // bytes that wait for a slow reader

constexpr const char* kRequestName = "x-request-id";

const asio::use_awaitable_t<> awaiting;

// Completion token that puts the error into `error`.
auto into(error_code& error) { return asio::redirect_error(awaiting, error); }

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

// Of every answer. Pages of any origin may use the interfaces.
void set_common(http::fields& fields, const std::string& name) {
  fields.set(kRequestName, name);
  fields.set("X-Content-Type-Options", "nosniff");
  fields.set(http::field::access_control_allow_origin, "*");
  fields.set(http::field::access_control_expose_headers, kRequestName);
}

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

bool has_gone(tcp::socket& socket) {
  char byte = 0;
  const ssize_t count = ::recv(socket.native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  return count == 0 || (count < 0 && errno != EAGAIN && errno != EWOULDBLOCK);
}

template <class Stream>
tcp::socket& socket_of(Stream& stream) {
  return beast::get_lowest_layer(stream).socket();
}

HttpRequest convert(http::request<http::string_body>&& message, const char* protocol,
                    const std::string& peer) {
  HttpRequest request;
  request.method = std::string(message.method_string());
  const std::string target(message.target());
  const std::size_t mark = target.find('?');
  request.path = percent_decoded(target.substr(0, mark));
  if (mark != std::string::npos) request.query = parse_query(std::string_view(target).substr(mark + 1));
  for (const auto& field : message.base()) {
    std::string name(field.name_string());
    for (char& letter : name) letter = static_cast<char>(std::tolower(static_cast<unsigned char>(letter)));
    request.headers.emplace_back(std::move(name), std::string(field.value()));
  }
  request.body = std::move(message.body());
  request.origin = {request_name(request.header(kRequestName).value_or("")), protocol, peer};
  return request;
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
      asio::co_spawn(executor, connection(std::move(socket), std::move(peer)), asio::detached);
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
  asio::awaitable<void> connection(tcp::socket socket, std::string peer) {
    try {
      error_code error;
      beast::tcp_stream stream(std::move(socket));
      if (certificates_) {
        const std::shared_ptr<asio::ssl::context> tls = certificates_->current();
        beast::ssl_stream<beast::tcp_stream> secure(std::move(stream), *tls);
        beast::get_lowest_layer(secure).expires_after(kHandshake);
        co_await secure.async_handshake(asio::ssl::stream_base::server, into(error));
        if (!error) co_await requests(secure, peer);
        beast::get_lowest_layer(secure).expires_after(kHandshake);
        if (!error) co_await secure.async_shutdown(into(error));
      } else {
        co_await requests(stream, peer);
        stream.socket().shutdown(tcp::socket::shutdown_send, error);
      }
    } catch (const std::exception& error) {
      log::warning(std::string("a connection ended: ") + error.what());
    }
  }

  template <class Stream>
  asio::awaitable<void> requests(Stream& stream, const std::string& peer) {
    beast::flat_buffer buffer(kMostBuffered);
    for (bool more = true; more;) {
      http::request_parser<http::string_body> parser;
      parser.body_limit(static_cast<std::uint64_t>(options_.most_body_bytes));
      beast::get_lowest_layer(stream).expires_after(options_.idle);
      error_code error;
      co_await http::async_read_header(stream, buffer, parser, into(error));
      if (!error && has_unknown_coding(parser.get())) error = http::error::bad_transfer_encoding;
      const auto heard = [&] {
        return parser.is_header_done() ? convert(parser.release(), "http", peer)
                                       : HttpRequest{.origin = {request_name(), "http", peer}};
      };
      if (error) co_return co_await refuse(stream, error, heard());
      if (websocket::is_upgrade(parser.get())) {
        beast::get_lowest_layer(stream).expires_never();
        co_await web_socket(stream, parser.release(), peer);
        co_return;
      }
      const bool unwanted =
          !parser.is_done() &&
          !hooks_.takes_body(convert(http::request<http::string_body>(parser.get().base()), "http", peer));
      if (!unwanted && beast::iequals(parser.get()[http::field::expect], "100-continue")) {
        http::response<http::empty_body> go_on(http::status::continue_, 11);
        co_await http::async_write(stream, go_on, into(error));
        if (error) co_return;
      }
      while (!unwanted && !parser.is_done()) {  // long uploads may take their time, silent ones may not
        beast::get_lowest_layer(stream).expires_after(options_.idle);
        co_await http::async_read_some(stream, buffer, parser, into(error));
        if (error) co_return co_await refuse(stream, error, heard());
      }
      more = parser.get().keep_alive() && !unwanted;
      const unsigned version = parser.get().version();
      const bool head = parser.get().method() == http::verb::head;
      auto outbox = std::make_shared<Outbox<ReplyPart>>(stream.get_executor());
      auto reply = std::make_shared<Reply>(outbox);
      HttpRequest request = heard();
      if (head) request.method = "GET";
      const std::string name = request.origin.request;
      const ForgetGone forgets{*reply};
      hooks_.http(std::move(request), reply);
      if (!co_await answer(stream, *outbox, name, version, more, head)) {
        reply->tell_gone();
        co_return;
      }
      if (unwanted) co_await let_read_the_answer(stream);
    }
  }

  // A connection that is closed with bytes unread is reset, and the answer lost. What still comes is thrown
  // away.
  template <class Stream>
  asio::awaitable<void> let_read_the_answer(Stream& stream) {
    constexpr auto kLinger = 2s;
    error_code error;
    socket_of(stream).shutdown(tcp::socket::shutdown_send, error);
    beast::get_lowest_layer(stream).expires_after(kLinger);
    std::vector<char> bytes(1u << 16);
    while (!error) co_await beast::get_lowest_layer(stream).async_read_some(asio::buffer(bytes), into(error));
  }

  // False when the client has gone.
  template <class Stream>
  asio::awaitable<bool> answer(Stream& stream, Outbox<ReplyPart>& outbox, const std::string& name,
                               unsigned version, bool& more, bool head) {
    error_code error;
    http::response<http::empty_body> parts;
    http::response_serializer<http::empty_body> serializer(parts);
    while (true) {
      std::optional<ReplyPart> part = outbox.pop();
      if (!part) {
        error_code woken;
        co_await outbox.timer(kLookForClient).async_wait(into(woken));
        if (has_gone(socket_of(stream))) co_return false;
        continue;
      }
      beast::get_lowest_layer(stream).expires_after(options_.idle);
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
          co_await http::async_write(stream, whole, into(error));
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
          co_await http::async_write_header(stream, serializer, into(error));
          break;
        case ReplyPart::Kind::kMore:
          if (!part->body.empty())
            co_await asio::async_write(stream, http::make_chunk(asio::buffer(part->body)), into(error));
          break;
        case ReplyPart::Kind::kEnd:
          co_await asio::async_write(stream, http::make_chunk_last(), into(error));
          co_return !error;
      }
      if (error) co_return false;
    }
  }

  // What cannot be read gets a last word where that is possible.
  template <class Stream>
  asio::awaitable<void> refuse(Stream& stream, error_code error, const HttpRequest& request) {
    if (error == http::error::end_of_stream || error == asio::error::eof || error == beast::error::timeout ||
        error.category() != http::make_error_code(http::error::end_of_stream).category()) {
      // Between requests that is how connections end.
      if (!call_of(request).empty()) hooks_.refused(request, 499, error.message());
      co_return;
    }
    const bool large = error == http::error::body_limit || error == http::error::header_limit;
    hooks_.refused(request, large ? 413 : 400, error.message());
    http::response<http::string_body> response(
        large ? http::status::payload_too_large : http::status::bad_request, 11);
    response.set(http::field::content_type, "application/json");
    set_common(response, request.origin.request);
    response.keep_alive(false);
    response.body() = large
                          ? R"({"error":{"message":"the request is larger than this server takes","type":)"
                            R"("invalid_request_error","param":null,"code":"too_large"}})"
                          : R"({"error":{"message":"the request is not HTTP","type":"invalid_request_error",)"
                            R"("param":null,"code":"bad_request"}})";
    response.prepare_payload();
    error_code ignored;
    co_await http::async_write(stream, response, into(ignored));
    if (large) co_await let_read_the_answer(stream);
  }

  template <class Stream>
  asio::awaitable<void> web_socket(Stream& stream, http::request<http::string_body> message,
                                   const std::string& peer) {
    auto outbox = std::make_shared<Outbox<SocketPart>>(stream.get_executor());
    auto peer_end = std::make_shared<Socket>(outbox);
    const HttpRequest request = convert(http::request<http::string_body>(message), "websocket", peer);
    const WebSocketAnswer answer = hooks_.web_socket(request, peer_end);
    error_code error;
    if (!answer.handler) {
      http::response<http::string_body> response(static_cast<http::status>(answer.status), message.version());
      set_common(response, request.origin.request);
      response.set(http::field::content_type, "application/json");
      response.keep_alive(false);
      response.body() = answer.json;
      response.prepare_payload();
      co_await http::async_write(stream, response, into(error));
      co_return;
    }
    websocket::stream<Stream&> web(stream);
    web.set_option(while_reading());
    web.read_message_max(static_cast<std::size_t>(options_.most_message_bytes));
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
      auto ended = std::make_shared<Outbox<bool>>(stream.get_executor());  // of the two coroutines below
      asio::co_spawn(stream.get_executor(), write_messages(web, outbox, peer_end, ended, reading, closing),
                     asio::detached);
      asio::co_spawn(stream.get_executor(), watch_reader(web, *answer.handler, outbox, ended, reading),
                     asio::detached);
      co_await read_messages(web, *answer.handler, closing);
      reading = false;
      outbox->push({});
      for (int left = 2; left > 0;) {
        if (ended->pop()) {
          --left;
          continue;
        }
        error_code woken;
        co_await ended->timer(1000ms).async_wait(into(woken));
      }
    }
    outbox->close();
    answer.handler->on_gone();
  }

  websocket::stream_base::timeout while_reading() const { return {kHandshake, options_.idle, true}; }

  // `closing`: close_in_time() has begun, which has the stream's time limits for itself.
  template <class Web>
  asio::awaitable<void> read_messages(Web& web, WebSocketHandler& handler, const bool& closing) {
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
      if (!closing) web.set_option(while_reading());
    }
  }

  template <class Web>
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

  // With a time limit of its own: when Beast 1.74's comes while a client that has answered keeps the
  // connection open, the read that waits for the end gets `timeout`, which an assertion of Beast's forbids
  // (boostorg/beast issue 2264).
  template <class Web>
  asio::awaitable<void> close_in_time(Web& web, const websocket::close_reason& reason) {
    const auto none = websocket::stream_base::none();
    web.set_option(websocket::stream_base::timeout{none, none, false});
    co_await asio::post(web.get_executor(), awaiting);  // its timer's handler may be on its way
    asio::steady_timer limit(web.get_executor(), kHandshake);
    // The stream may be gone when the timer's handler runs.
    const auto is_open = std::make_shared<bool>(true);
    limit.async_wait([&web, is_open](error_code stopped) {
      if (!stopped && *is_open) beast::get_lowest_layer(web).close();
    });
    error_code ignored;
    co_await web.async_close(reason, into(ignored));
    *is_open = false;
  }

  // Drops a client that reads so slowly that its outbox was closed: the writer hangs in a write then.
  template <class Web>
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
    if (outbox->closed()) beast::get_lowest_layer(web).close();
    ended->push(true);
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
