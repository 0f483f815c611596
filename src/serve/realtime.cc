#include "serve/realtime.h"

#include <fmt/format.h>

#include <algorithm>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "base/base64.h"
#include "base/fail.h"
#include "base/printable.h"
#include "glossa/error.hpp"
#include "serve/api_error.h"
#include "serve/idle_watch.h"
#include "serve/json_message.h"
#include "serve/realtime_events.h"
#include "serve/realtime_settings.h"
#include "serve/realtime_teller.h"
#include "serve/sound_reader.h"
#include "text/json_text.h"

namespace glossa::serve {
namespace {

using json = nlohmann::json;

bool is_beta(const HttpRequest& request) {
  return request.header("openai-beta").value_or("").find("realtime=v1") != std::string::npos;
}

// Until the first message tells: OpenAI's clients say what they want in the address, or a header.
Dialect opening_dialect(const HttpRequest& request) {
  const std::string intent = request.parameter("intent").value_or("");
  const bool openai =
      intent == "transcription" || (intent.empty() && (request.parameter("model") || is_beta(request)));
  return openai ? Dialect::kOpenAi : Dialect::kCaptions;
}

class Realtime final : public WebSocketHandler {
 public:
  Realtime(Scheduler& scheduler, const LiveOptions& options, const HttpRequest& request,
           std::shared_ptr<WebSocket> socket)
      : scheduler_(scheduler),
        options_(options),
        idle_(options.idle_seconds),
        origin_(request.origin),
        events_(std::make_shared<RealtimeEvents>(std::move(socket))),
        settings_(opening_settings(opening_dialect(request), options.silence)) {
    settings_.beta = is_beta(request);
    // Riva's client wants this one first, OpenAI's that one, and neither minds the other.
    if (request.parameter("intent").value_or("") != "captions")
      events_->send({{"type", "conversation.created"},
                     {"conversation", {{"id", "conversation_1"}, {"object", "realtime.conversation"}}}});
    events_->send({{"type", "session.created"}, {"session", session_json()}});
  }

  void on_text(std::string_view text) override {
    guarded([&] {
      const json message = parse_message(text);
      handle(type_of(message), message);
    });
  }

  void on_binary(std::string_view bytes) override {
    guarded([&] { append(bytes); });
  }

  void on_look() override {
    if (!session_ || ended_ || !idle_.is_idle(session_->backlog())) return;
    events_->error({408, "timeout_error", "idle_timeout",
                    fmt::format("no audio for {:g} s: the stream was ended", idle_.seconds())});
    guarded([&] { finish(); });
  }

  void on_gone() override {
    if (session_) session_->cancel();
    for (const std::shared_ptr<Session>& session : committed_) session->cancel();
  }

  double backlog() const override {
    double seconds = session_ ? session_->backlog() : 0;
    for (const std::shared_ptr<Session>& session : committed_) seconds += session->backlog();
    return seconds;
  }

 private:
  const ModelInfo& model() const { return scheduler_.recognizer().info(); }

  json session_json() const {
    json session = describe_session(settings_, model());
    session["id"] = "sess_" + origin_.request;
    return session;
  }

  template <class Work>
  void guarded(const Work& work) {
    try {
      work();
    } catch (const std::exception& error) {
      const ApiError known = describe_error(error);
      events_->error(known);
      if (known.status != 503) return;
      overloaded_ = true;
      if (!is_answering()) events_->close(close_code::kTryAgainLater, "overloaded");
    }
  }

  void handle(const std::string& type, const json& message) {
    if (type == "session.update") {
      update(read_session_update(message.value("session", json()), model(), settings_, options_.silence),
             "session.updated");
    } else if (type == "transcription_session.update") {
      update(read_transcription_session_update(message.value("session", json()), model(), settings_,
                                               options_.silence),
             "transcription_session.updated");
    } else if (type == "input_audio_buffer.append") {
      const json& audio = message.value("audio", json());
      if (!audio.is_string()) fail_invalid_argument("audio is missing (expected base64)");
      const auto bytes = from_base64(audio.get_ref<const std::string&>());
      if (!bytes) fail_invalid_argument("audio is not base64");
      append({reinterpret_cast<const char*>(bytes->data()), bytes->size()});
    } else if (type == "input_audio_buffer.commit") {
      commit();
    } else if (type == "input_audio_buffer.done") {
      finish();
    } else if (type == "input_audio_buffer.clear") {
      if (session_) session_->cancel();
      session_.reset();
      events_->send({{"type", "input_audio_buffer.cleared"}});
    } else {
      fail_invalid_argument("unknown type '{}'", printable(type));
    }
  }

  void update(RealtimeSettings settings, const char* answer) {
    const bool same_sound = settings.sound.rate == settings_.sound.rate &&
                            settings.sound.samples == settings_.sound.samples &&
                            settings.sound.channels == settings_.sound.channels;
    if (session_ && !same_sound)
      fail_invalid_argument("the sound's format cannot change while a stream is open");
    scheduler_.recognizer().create_stream(settings.session.stream);  // tells what is wrong with it
    if (session_ && settings.session.stream.target_lang != settings_.session.stream.target_lang)
      session_->set_target_lang(settings.session.stream.target_lang);
    settings_ = std::move(settings);
    events_->send({{"type", answer}, {"session", session_json()}});
  }

  void append(std::string_view bytes) {
    if (ended_) fail_invalid_argument("audio after the end of the stream");
    if (overloaded_ && is_answering()) return;  // which was told; what was committed before is still to come
    if (!session_) open();
    if (refused_) return;
    try {
      push(reader_->push(bytes));
    } catch (const Error&) {  // what follows is the rest of the same file
      refused_ = true;
      throw;
    }
    idle_.heard();
  }

  void open() {
    reader_.emplace(settings_.sound, /*separate=*/false, model().sample_rate);
    refused_ = false;
    item_.reset();
    if (!settings_.detects_turns) item_ = events_->next_item();
    settings_.session.keeps_transcript = item_.has_value();
    settings_.session.takes_drafts = settings_.dialect == Dialect::kCaptions;  // the others append
    settings_.session.origin = origin_;
    session_ = scheduler_.open(settings_.session, make_realtime_teller(events_, settings_, item_, seconds_),
                               committed_.empty() ? nullptr : committed_.back());
    overloaded_ = false;
    began_ = seconds_;
  }

  void push(std::vector<std::vector<float>> sounds) {
    if (sounds.empty()) return;
    seconds_ += static_cast<double>(sounds.front().size()) / model().sample_rate;
    session_->push(std::move(sounds.front()));
  }

  void commit() {
    switch (settings_.dialect) {
      case Dialect::kRiva:
        return;  // its client commits after every piece
      case Dialect::kCaptions:
        return finish();
      case Dialect::kOpenAi:
        break;
    }
    if (!session_) return events_->error(nothing_to_commit());
    push(reader_->finish());
    if (seconds_ == began_) {  // what came was too short to be a sample
      session_->cancel();
      session_.reset();
      return events_->error(nothing_to_commit());
    }
    if (item_) events_->committed(*item_, item_event(settings_));
    session_->finish();
    committed_.push_back(std::exchange(session_, nullptr));
    is_answering();
  }

  // Something that was committed is being decoded. What is no more is forgotten.
  bool is_answering() {
    std::erase_if(committed_,
                  [](const std::shared_ptr<Session>& session) { return session.use_count() == 1; });
    return !committed_.empty();
  }

  void finish() {
    if (settings_.dialect == Dialect::kOpenAi) return commit();  // its connections go on
    if (ended_) return;
    if (!session_) open();  // nothing was said, and the client waits for the last result
    ended_ = true;
    push(reader_->finish());
    session_->finish();
  }

  Scheduler& scheduler_;
  LiveOptions options_;
  IdleWatch idle_;  // hears sound
  Origin origin_;
  std::shared_ptr<RealtimeEvents> events_;
  RealtimeSettings settings_;
  std::shared_ptr<Session> session_;
  std::vector<std::shared_ptr<Session>> committed_;  // still being decoded
  std::optional<SampleReader> reader_;
  bool overloaded_ = false;          // there was no room for the next session
  bool refused_ = false;             // what the open session was sent is no sound that can be streamed
  std::optional<std::string> item_;  // of the open session when turns are the client's business
  double seconds_ = 0;               // of sound that was pushed, of all sessions
  double began_ = 0;                 // of it before the open session
  bool ended_ = false;
};

}  // namespace

std::unique_ptr<WebSocketHandler> make_realtime(Scheduler& scheduler, const LiveOptions& options,
                                                const HttpRequest& request,
                                                std::shared_ptr<WebSocket> socket) {
  return std::make_unique<Realtime>(scheduler, options, request, std::move(socket));
}

std::string default_transcription_session(const ModelInfo& model) {
  RealtimeSettings settings;
  settings.dialect = Dialect::kRiva;
  json session = describe_session(settings, model);
  session["id"] = "session_1";
  session["client_secret"] = nullptr;
  return text::json_text(session);
}

}  // namespace glossa::serve
