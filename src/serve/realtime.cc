#include "serve/realtime.h"

#include <fmt/format.h>

#include <algorithm>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <utility>

#include "base/base64.h"
#include "base/fail.h"
#include "base/printable.h"
#include "serve/api_error.h"
#include "serve/growing_text.h"
#include "serve/idle_watch.h"
#include "serve/json_message.h"
#include "serve/openai.h"
#include "serve/realtime_settings.h"
#include "serve/sound_reader.h"

namespace glossa::serve {
namespace {

using json = nlohmann::json;

constexpr const char* kDelta = "conversation.item.input_audio_transcription.delta";
constexpr const char* kCompleted = "conversation.item.input_audio_transcription.completed";

// Sends events; numbers them and the items. Thread-safe.
class Events {
 public:
  explicit Events(std::shared_ptr<WebSocket> socket) : socket_(std::move(socket)) {}

  void send(json event) {
    const std::lock_guard lock(mutex_);
    event["event_id"] = fmt::format("event_{}", ++events_);
    socket_->send(event.dump(-1, ' ', false, json::error_handler_t::replace));
  }

  void error(const ApiError& error) {
    json event = json::parse(to_json(error));
    event["type"] = "error";
    send(std::move(event));
  }

  // The sound of an item is complete.
  void committed(const std::string& id) {
    json previous;  // null for the first
    {
      const std::lock_guard lock(mutex_);
      if (!last_item_.empty()) previous = last_item_;
      last_item_ = id;
    }
    send({{"type", "input_audio_buffer.committed"}, {"item_id", id}, {"previous_item_id", previous}});
    const json item = {{"id", id},
                       {"type", "message"},
                       {"role", "user"},
                       {"status", "completed"},
                       {"content", {{{"type", "input_audio"}, {"transcript", nullptr}}}}};
    send({{"type", "conversation.item.added"}, {"previous_item_id", previous}, {"item", item}});
  }

  std::string next_item() {
    const std::lock_guard lock(mutex_);
    return fmt::format("item_{}", ++items_);
  }

  void close(int code, std::string_view reason) { socket_->close(code, reason); }

 private:
  std::shared_ptr<WebSocket> socket_;
  std::mutex mutex_;
  int events_ = 0;
  int items_ = 0;
  std::string last_item_;  // that is complete; empty: none
};

json words_json(const std::vector<Word>& words, bool riva) {
  json list = json::array();
  for (const Word& word : words) {
    list.push_back(riva ? json{{"word", word.text},
                               {"start_time", word.start},
                               {"end_time", word.end},
                               {"confidence", word.confidence},
                               {"speaker_tag", 0}}
                        : json{{"word", word.text},
                               {"start", word.start},
                               {"end", word.end},
                               {"confidence", word.confidence}});
  }
  return list;
}

int milliseconds(double seconds) { return static_cast<int>(seconds * 1000); }

// Tells a client what is heard in one session: an item for each utterance, or one item for the whole.
class Teller {
 public:
  // `item`: the whole session is this item; none: every utterance is one. `before`: seconds of sound of the
  // sessions before it.
  Teller(std::shared_ptr<Events> events, Dialect dialect, std::optional<std::string> item, double before)
      : events_(std::move(events)),
        dialect_(dialect),
        whole_(item.has_value()),
        item_(item.value_or("")),
        before_(before) {}

  void operator()(const SessionUpdate& update) {
    if (!update.error.empty()) events_->error(describe_failure(update));
    if (whole_) {
      tell_whole(update);
    } else {
      tell_utterances(update);
    }
    if (!update.ended) return;
    if (!update.error.empty()) {  // what comes after it would go nowhere
      events_->close(update.is_client_error ? close_code::kPolicy : close_code::kInternalError, update.error);
    } else if (dialect_ != Dialect::kOpenAi) {
      events_->close(close_code::kNormal, "");
    }
  }

 private:
  void tell_whole(const SessionUpdate& update) {
    grow(update.transcript.text, update.ended, 0);
    if (!update.ended) return;
    Utterance utterance;
    utterance.text = update.transcript.text;
    utterance.words = update.transcript.words;
    utterance.language = update.transcript.language;
    utterance.end = update.transcript.duration;
    complete(utterance, update.transcript.duration, /*last=*/false);
  }

  void tell_utterances(const SessionUpdate& update) {
    const std::vector<Utterance>& finals = update.utterances.finals;
    for (std::size_t index = 0; index < finals.size(); ++index) {
      begin(finals[index]);
      grow(finals[index].text, /*whole=*/true, finals[index].start);
      if (dialect_ == Dialect::kOpenAi) {
        events_->send({{"type", "input_audio_buffer.speech_stopped"},
                       {"item_id", item_},
                       {"audio_end_ms", milliseconds(before_ + finals[index].end)}});
        events_->committed(item_);
      }
      complete(finals[index], finals[index].end - finals[index].start,
               update.ended && index + 1 == finals.size());
      item_.clear();
    }
    if (update.utterances.interim && update.utterances.interim_changed) {
      begin(*update.utterances.interim);
      grow(update.utterances.interim->text, /*whole=*/false, update.utterances.interim->start);
    }
    // Who waits for the last result gets one, even if nothing was said.
    if (update.ended && finals.empty() && dialect_ != Dialect::kOpenAi) {
      item_ = events_->next_item();
      complete({}, 0, /*last=*/true);
    }
  }

  void begin(const Utterance& utterance) {
    if (!item_.empty()) return;
    item_ = events_->next_item();
    told_ = {};
    if (dialect_ == Dialect::kOpenAi) {
      events_->send({{"type", "input_audio_buffer.speech_started"},
                     {"item_id", item_},
                     {"audio_start_ms", milliseconds(before_ + utterance.start)}});
    }
  }

  void grow(const std::string& text, bool whole, double start) {
    const std::string delta = told_.delta(text, whole);
    const bool captions = dialect_ == Dialect::kCaptions;
    if (delta.empty() && (!captions || whole)) return;
    json event = {{"type", kDelta}, {"item_id", item_}, {"content_index", 0}, {"delta", delta}};
    if (captions) {
      event["text"] = text;
      event["start"] = start;
    }
    events_->send(std::move(event));
  }

  void complete(const Utterance& utterance, double seconds, bool last) {
    json event = {
        {"type", kCompleted}, {"item_id", item_}, {"content_index", 0}, {"transcript", utterance.text}};
    switch (dialect_) {
      case Dialect::kOpenAi:
        event["usage"] = {{"type", "duration"}, {"seconds", seconds}};
        break;
      case Dialect::kRiva:
        event["words_info"] = {{"words", words_json(utterance.words, /*riva=*/true)}};
        event["is_last_result"] = last;
        break;
      case Dialect::kCaptions:
        event["words"] = words_json(utterance.words, /*riva=*/false);
        event["start"] = utterance.start;
        event["end"] = utterance.end;
        event["is_last_result"] = last;
        break;
    }
    event["language"] = utterance.language;
    events_->send(std::move(event));
  }

  std::shared_ptr<Events> events_;
  Dialect dialect_;
  bool whole_;
  std::string item_;  // empty: no utterance is open
  GrowingText told_;  // of the open one's text
  double before_;
};

class Realtime final : public WebSocketHandler {
 public:
  Realtime(Scheduler& scheduler, const LiveOptions& options, const HttpRequest& request,
           std::shared_ptr<WebSocket> socket)
      : scheduler_(scheduler),
        options_(options),
        idle_(options.idle_seconds),
        origin_(request.origin),
        events_(std::make_shared<Events>(std::move(socket))) {
    settings_.session.silence = options.silence;
    // Riva's client wants this one first, OpenAI's that one, and neither minds the other.
    if (request.parameter("intent").value_or("") != "captions")
      events_->send({{"type", "conversation.created"},
                     {"conversation", {{"id", "conversation_1"}, {"object", "realtime.conversation"}}}});
    events_->send({{"type", "session.created"}, {"session", describe_session(settings_, model())}});
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
    guarded([&] { settings_.dialect == Dialect::kOpenAi ? commit() : finish(); });
  }

  void on_gone() override {
    if (session_) session_->cancel();
    for (const std::shared_ptr<Session>& session : committed_) session->cancel();
  }

  double backlog() const override { return session_ ? session_->backlog() : 0; }

 private:
  const ModelInfo& model() const { return scheduler_.recognizer().info(); }

  template <class Work>
  void guarded(const Work& work) {
    try {
      work();
    } catch (const std::exception& error) {
      const ApiError known = describe_error(error);
      events_->error(known);
      if (known.status == 503) events_->close(close_code::kTryAgainLater, "overloaded");
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
    events_->send({{"type", answer}, {"session", describe_session(settings_, model())}});
  }

  void append(std::string_view bytes) {
    if (ended_) fail_invalid_argument("audio after the end of the stream");
    if (!session_) open();
    push(reader_->push(bytes));
    idle_.heard();
  }

  void open() {
    reader_.emplace(settings_.sound, /*separate=*/false, model().sample_rate);
    item_.reset();
    if (!settings_.detects_turns) item_ = events_->next_item();
    settings_.session.keeps_transcript = item_.has_value();
    settings_.session.origin = origin_;
    session_ = scheduler_.open(settings_.session, Teller(events_, settings_.dialect, item_, seconds_));
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
    if (!session_) fail_invalid_argument("the buffer is empty");
    if (item_) events_->committed(*item_);
    push(reader_->finish());
    session_->finish();
    committed_.push_back(std::exchange(session_, nullptr));
    std::erase_if(committed_,
                  [](const std::shared_ptr<Session>& session) { return session.use_count() == 1; });
  }

  void finish() {
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
  std::shared_ptr<Events> events_;
  RealtimeSettings settings_;
  std::shared_ptr<Session> session_;
  std::vector<std::shared_ptr<Session>> committed_;  // still being decoded
  std::optional<SampleReader> reader_;
  std::optional<std::string> item_;  // of the open session when turns are the client's business
  double seconds_ = 0;               // of sound that was pushed, of all sessions
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
  return session.dump();
}

}  // namespace glossa::serve
