#include "serve/recorded.h"

#include <atomic>
#include <chrono>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>

#include "serve/event_log.h"
#include "text/json_text.h"

namespace glossa::serve {
namespace {

using json = nlohmann::json;

constexpr int kClientGone = 499;  // as nginx writes it
constexpr int kSwitchingProtocols = 101;
constexpr int kNoHandshake = 400;

// The message in an error's JSON, of OpenAI's form or Deepgram's.
std::string reason_in(const std::string& body) {
  const json answer = text::parsed_json(body);
  if (!answer.is_object()) return {};
  const json& error = answer.contains("error") ? answer["error"] : answer;
  if (!error.is_object()) return {};
  for (const char* name : {"message", "err_msg"}) {
    if (const auto found = error.find(name); found != error.end() && found->is_string())
      return found->get<std::string>();
  }
  return {};
}

// Of one request, for the log.
class Record {
 public:
  // `unsaid`: the status if it is gone without an end, as when the server stops.
  Record(const HttpRequest& request, bool is_routine, int unsaid)
      : origin_(request.origin), call_(call_of(request)), is_routine_(is_routine), unsaid_(unsaid) {}
  ~Record() { end(unsaid_); }
  Record(const Record&) = delete;
  Record& operator=(const Record&) = delete;

  // The first end is the one that counts.
  void end(int status, const std::string& why = {}) { end(status, why, status >= 500); }
  void end(int status, const std::string& why, bool is_failure) {
    if (ended_.exchange(true) || (is_routine_ && status < 400)) return;
    const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - begin_;
    log_request({.origin = origin_,
                 .call = call_,
                 .code = std::to_string(status),
                 .is_failure = is_failure,
                 .seconds = taken.count(),
                 .why = why});
  }

 private:
  Origin origin_;
  std::string call_;
  bool is_routine_;
  int unsaid_;
  std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
  std::atomic<bool> ended_ = false;
};

class RecordedReply final : public HttpReply, public std::enable_shared_from_this<RecordedReply> {
 public:
  RecordedReply(const HttpRequest& request, std::shared_ptr<HttpReply> reply, Metrics& metrics,
                bool is_routine)
      : reply_(std::move(reply)), metrics_(metrics), record_(request, is_routine, kClientGone) {}

  void send(int status, std::string_view content_type, std::string body, Fields headers) override {
    count(status);
    record_.end(status, status < 400 ? "" : reason_in(body));
    reply_->send(status, content_type, std::move(body), std::move(headers));
  }
  void begin(int status, std::string_view content_type) override {
    count(status);
    status_ = status;
    reply_->begin(status, content_type);
  }
  void write(std::string part) override { reply_->write(std::move(part)); }
  void end() override {
    record_.end(status_);
    reply_->end();
  }
  void on_gone(std::function<void()> gone) override {
    reply_->on_gone([self = shared_from_this(), gone = std::move(gone)] {
      self->count(kClientGone);
      self->record_.end(kClientGone);
      gone();
    });
  }

 private:
  // Once: who leaves in the middle of an answer has had its status.
  void count(int status) {
    if (!counted_.exchange(true)) metrics_.request("http", std::to_string(status));
  }

  std::shared_ptr<HttpReply> reply_;
  Metrics& metrics_;
  std::atomic<bool> counted_ = false;
  Record record_;
  std::atomic<int> status_ = 0;
};

class RecordedWebSocket final : public WebSocketHandler {
 public:
  RecordedWebSocket(const HttpRequest& request, std::unique_ptr<WebSocketHandler> handler,
                    std::shared_ptr<RecordedSocket> socket, Metrics& metrics)
      : handler_(std::move(handler)),
        socket_(std::move(socket)),
        metrics_(metrics),
        record_(request, /*is_routine=*/false, kSwitchingProtocols) {}

  void on_open() override {
    metrics_.request("websocket", std::to_string(kSwitchingProtocols));
    open_ = true;
    handler_->on_open();
  }
  void on_text(std::string_view text) override { handler_->on_text(text); }
  void on_binary(std::string_view bytes) override { handler_->on_binary(bytes); }
  void on_look() override { handler_->on_look(); }
  void on_gone() override {
    handler_->on_gone();
    if (!open_) {
      metrics_.request("websocket", std::to_string(kNoHandshake));
      return record_.end(kNoHandshake, "the handshake failed");
    }
    record_.end(kSwitchingProtocols, socket_->why(), socket_->has_failed());
  }
  double backlog() const override { return handler_->backlog(); }

 private:
  std::unique_ptr<WebSocketHandler> handler_;
  std::shared_ptr<RecordedSocket> socket_;
  Metrics& metrics_;
  Record record_;
  bool open_ = false;
};

}  // namespace

void record_refusal(const HttpRequest& request, int status, const std::string& why, Metrics& metrics) {
  metrics.request("http", std::to_string(status));
  Record(request, /*is_routine=*/false, status).end(status, why);
}

void RecordedSocket::close(int code, std::string_view reason) {
  if (code != close_code::kNormal) {
    const std::lock_guard lock(mutex_);
    why_ = reason;
    has_failed_ = code == close_code::kInternalError || code == close_code::kTryAgainLater;
  }
  socket_->close(code, reason);
}

std::string RecordedSocket::why() const {
  const std::lock_guard lock(mutex_);
  return why_;
}

bool RecordedSocket::has_failed() const {
  const std::lock_guard lock(mutex_);
  return has_failed_;
}

std::shared_ptr<HttpReply> recorded(const HttpRequest& request, std::shared_ptr<HttpReply> reply,
                                    Metrics& metrics, bool is_routine) {
  return std::make_shared<RecordedReply>(request, std::move(reply), metrics, is_routine);
}

WebSocketAnswer recorded(const HttpRequest& request, WebSocketAnswer answer,
                         std::shared_ptr<RecordedSocket> socket, Metrics& metrics) {
  if (answer.handler) {
    answer.handler =
        std::make_unique<RecordedWebSocket>(request, std::move(answer.handler), std::move(socket), metrics);
  } else {
    metrics.request("websocket", std::to_string(answer.status));
    Record(request, /*is_routine=*/false, answer.status).end(answer.status, reason_in(answer.json));
  }
  return answer;
}

}  // namespace glossa::serve
