#include "serve/wyoming_server.h"

#include <array>
#include <atomic>
#include <mutex>
#include <string_view>
#include <thread>
#include <utility>

#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/tcp_stream.hpp>

#include "base/fail.h"
#include "serve/awaiting.h"
#include "serve/json_message.h"
#include "serve/listening.h"
#include "serve/outbox.h"
#include "serve/stream_limits.h"
#include "serve/wyoming.h"
#include "text/json_text.h"

namespace glossa::serve {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;
using json = nlohmann::json;
using namespace std::chrono_literals;

constexpr std::size_t kMostHeader = 64 << 10;  // bytes of a line of JSON, and of the JSON behind it
constexpr std::size_t kMostPayload = 4 << 20;  // bytes
constexpr std::size_t kMostUnsent = 1 << 20;   // bytes that wait for a slow reader
constexpr auto kLastWords = 5s;                // for a client to read what is left
constexpr auto kLook = 500ms;                  // how often a writer with nothing to do looks up

struct Outgoing {
  std::string bytes;
  bool close = false;
};

class Peer final : public WyomingPeer {
 public:
  explicit Peer(std::shared_ptr<Outbox<Outgoing>> outbox) : outbox_(std::move(outbox)) {}

  void send(const std::string& type, const json& data) override {
    if (type == "error") {
      const std::lock_guard lock(mutex_);
      error_ = data.value("text", "");
    }
    const std::string body = text::json_text(data);
    std::string bytes = text::json_text(json({{"type", type}, {"data_length", body.size()}})) + "\n" + body;
    if (unsent_ += bytes.size(); unsent_ > kMostUnsent) return outbox_->close();  // the reader notices
    outbox_->push({std::move(bytes)});
  }
  void close() override { outbox_->push({{}, /*close=*/true}); }
  void sent(std::size_t bytes) { unsent_ -= bytes; }

  // That the client was told; empty if there was none.
  std::string error() const {
    const std::lock_guard lock(mutex_);
    return error_;
  }

 private:
  std::shared_ptr<Outbox<Outgoing>> outbox_;
  std::atomic<std::size_t> unsent_ = 0;
  mutable std::mutex mutex_;
  std::string error_;
};

// What both coroutines of a connection hold.
struct Client {
  Client(tcp::socket socket, std::string address)
      : origin{request_name(), "wyoming", std::move(address)},
        stream(std::move(socket)),
        outbox(std::make_shared<Outbox<Outgoing>>(stream.get_executor())),
        peer(std::make_shared<Peer>(outbox)) {}

  // Its end is told here, since a server that stops ends coroutines where they are.
  ~Client() {
    const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - begin;
    log_request({.origin = origin,
                 .call = "connection",
                 .code = "closed",
                 .seconds = taken.count(),
                 .why = peer->error()});
  }

  Origin origin;
  std::chrono::steady_clock::time_point begin = std::chrono::steady_clock::now();
  boost::beast::tcp_stream stream;
  std::shared_ptr<Outbox<Outgoing>> outbox;
  std::shared_ptr<Peer> peer;
  std::string received;  // the next event's bytes
};

struct Event {
  std::string type;
  json data = json::object();
  std::string payload;
};

std::size_t size_of(const json& header, const char* name, std::size_t most) {
  const auto found = header.find(name);
  if (found == header.end() || found->is_null()) return 0;
  if (!found->is_number_unsigned() || found->get<std::uint64_t>() > most)
    fail_invalid_argument("{} is {}, expected 0 to {}", name, text::json_text(*found), most);
  return found->get<std::size_t>();
}

}  // namespace

class WyomingServer::Impl {
 public:
  Impl(const WyomingServerOptions& options, Scheduler& scheduler, Metrics& metrics)
      : options_(options), scheduler_(scheduler), metrics_(metrics), acceptor_(context_) {
    port_ = listen_on(acceptor_, options.address, options.port);
    const auto serve = [this](tcp::socket socket, std::string peer) {
      auto client = std::make_shared<Client>(std::move(socket), std::move(peer));
      asio::co_spawn(context_, read(client), asio::detached);
      asio::co_spawn(context_, write(client), asio::detached);
    };
    asio::co_spawn(context_, accept_all(acceptor_, serve), asio::detached);
    thread_ = std::thread([this] { context_.run(); });
  }

  ~Impl() { stop(); }

  void stop() {
    context_.stop();
    if (thread_.joinable()) thread_.join();
  }

  int port() const { return port_; }

  void stop_accepting() {
    asio::post(context_, [this] {
      error_code ignored;
      acceptor_.close(ignored);
    });
  }

 private:
  asio::awaitable<void> read(std::shared_ptr<Client> client) {
    const std::unique_ptr<WyomingHandler> handler =
        make_wyoming(scheduler_, options_.version, client->origin, client->peer);
    asio::steady_timer pause(context_);
    metrics_.request("wyoming", "open");
    try {
      while (!client->outbox->closed()) {
        // Who waits for an answer is not silent.
        const auto answering = std::chrono::seconds(static_cast<std::int64_t>(handler->backlog()));
        Event event;
        if (!co_await read_event(*client, event, options_.idle + answering)) break;
        if (!handler->on_event(event.type, event.data, event.payload)) break;
        while (handler->backlog() > kMostBacklog && !client->outbox->closed()) {
          pause.expires_after(kBacklogPause);
          co_await pause.async_wait(asio::use_awaitable);
        }
      }
    } catch (const std::exception& error) {
      client->peer->send("error", {{"text", error.what()}, {"code", "bad_event"}});
    }
    // A client may say that it has no more to say, and listen.
    while (handler->is_answering() && !client->outbox->closed()) {
      pause.expires_after(kBacklogPause);
      co_await pause.async_wait(asio::use_awaitable);
    }
    handler->on_gone();
    const bool unread = client->outbox->closed();
    client->peer->close();
    // What the client still sends is read: unread, it would take the last words away from it.
    std::array<char, 4096> unheard{};
    client->stream.expires_after(kLastWords);
    for (error_code error; !error && !unread;)
      co_await client->stream.async_read_some(asio::buffer(unheard), into(error));
    client->stream.close();
  }

  // False when the client has gone or is silent. Error kInvalidArgument for what is no event.
  asio::awaitable<bool> read_event(Client& client, Event& event, std::chrono::seconds longest) {
    error_code error;
    std::string& received = client.received;
    client.stream.expires_after(longest);
    const std::size_t line = co_await asio::async_read_until(
        client.stream, asio::dynamic_buffer(received, kMostHeader), '\n', into(error));
    if (error == asio::error::not_found) fail_invalid_argument("a line is longer than {} bytes", kMostHeader);
    if (error) co_return false;
    const json header = parse_message(std::string_view(received).substr(0, line));
    event.type = type_of(header);
    const std::size_t data = size_of(header, "data_length", kMostHeader);
    const std::size_t payload = size_of(header, "payload_length", kMostPayload);
    const std::size_t whole = line + data + payload;
    if (received.size() < whole) {
      const std::size_t before = received.size();
      received.resize(whole);
      co_await asio::async_read(client.stream, asio::buffer(received.data() + before, whole - before),
                                into(error));
      if (error) co_return false;
    }
    if (header.contains("data") && header["data"].is_object()) event.data = header["data"];
    if (data > 0) {
      const json more = parse_message(std::string_view(received).substr(line, data));
      if (!more.is_object()) fail_invalid_argument("the data of '{}' is no JSON object", event.type);
      event.data.update(more);
    }
    event.payload = received.substr(line + data, payload);
    received.erase(0, whole);
    co_return true;
  }

  asio::awaitable<void> write(std::shared_ptr<Client> client) {
    Outbox<Outgoing>& outbox = *client->outbox;
    error_code error;
    while (!error && !outbox.closed()) {
      const std::optional<Outgoing> next = outbox.pop();
      if (!next) {
        error_code woken;
        co_await outbox.timer(kLook).async_wait(into(woken));
        continue;
      }
      if (next->close) break;
      co_await asio::async_write(client->stream.socket(), asio::buffer(next->bytes), into(error));
      client->peer->sent(next->bytes.size());
    }
    const bool unread = outbox.closed();
    outbox.close();
    client->stream.socket().shutdown(unread ? tcp::socket::shutdown_both : tcp::socket::shutdown_send, error);
  }

  WyomingServerOptions options_;
  Scheduler& scheduler_;
  Metrics& metrics_;
  asio::io_context context_;
  tcp::acceptor acceptor_;
  int port_ = 0;
  std::thread thread_;
};

WyomingServer::WyomingServer(const WyomingServerOptions& options, Scheduler& scheduler, Metrics& metrics)
    : impl_(std::make_unique<Impl>(options, scheduler, metrics)) {}
WyomingServer::~WyomingServer() = default;
int WyomingServer::port() const { return impl_->port(); }
void WyomingServer::stop_accepting() { impl_->stop_accepting(); }
void WyomingServer::stop() { impl_->stop(); }

}  // namespace glossa::serve
