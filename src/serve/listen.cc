#include "serve/listen.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <nlohmann/json.hpp>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "base/fail.h"
#include "base/printable.h"
#include "glossa/error.hpp"
#include "serve/api_error.h"
#include "serve/idle_watch.h"
#include "serve/json_message.h"
#include "serve/listen_reply.h"
#include "serve/listen_settings.h"
#include "serve/sound_reader.h"
#include "serve/turns.h"

namespace glossa::serve {
namespace {

// What the channels of a stream have in common.
struct ListenStream {
  std::shared_ptr<WebSocket> socket;
  ListenSettings settings;
  ListenAbout about;
  int channels = 1;
  std::atomic<int> open = 0;  // channels with a session

  void fail(const ApiError& error, int code) {
    socket->send(error_message(error));
    socket->close(code, error.code);
  }

  void complete(double seconds) {
    socket->send(metadata_message(about, seconds, channels));
    socket->close(close_code::kNormal, "");
  }
};

Utterance nothing_at(double seconds) {
  Utterance nothing;
  nothing.start = nothing.end = seconds;
  return nothing;
}

// Tells what is heard in one channel.
class Teller {
 public:
  Teller(std::shared_ptr<ListenStream> stream, int channel)
      : stream_(std::move(stream)),
        place_{channel, stream_->channels},
        turns_(stream_->settings.session.silence) {}

  void operator()(const SessionUpdate& update) {
    if (!update.error.empty()) return stream_->fail(describe_failure(update), close_code::kInternalError);
    const UtteranceUpdate& heard = update.utterances;
    now_ = settled_until(update);
    for (std::size_t index = 0; index < heard.finals.size(); ++index) {
      hear(heard.finals[index]);
      const bool last = index + 1 == heard.finals.size();
      const bool over = last ? is_over_after(update) : turns_.is_over_before(heard.finals[index + 1]);
      send(heard.finals[index],
           {.is_final = true, .speech_final = over, .from_finalize = update.flushed && last});
      if (over) turns_.end();
    }
    if (heard.open) hear(*heard.open);
    // The pause came after the sentence was told; and who said Finalize waits for an answer.
    if (heard.finals.empty() && ((turns_.is_open() && turns_.is_over(update)) || update.flushed))
      tell_pause(now_, update.flushed);
    if (heard.interim_changed && stream_->settings.interim_results) {
      if (heard.interim)
        send(*heard.interim, {});
      else if (heard.finals.empty())
        send(nothing_at(now_), {});
    }
    tell_utterance_end();
    if (update.ended && --stream_->open == 0) stream_->complete(update.began + update.transcript.duration);
  }

 private:
  bool is_over_after(const SessionUpdate& update) const {
    const std::optional<Utterance>& open = update.utterances.open;
    return open ? turns_.is_over_before(*open) : turns_.is_over(update);
  }

  void hear(const Utterance& utterance) {
    if (turns_.is_over_before(utterance)) tell_pause(utterance.start, /*flushed=*/false);
    if (turns_.begins_with(utterance) && stream_->settings.speech_started)
      stream_->socket->send(speech_started_message(place_, utterance.start));
  }

  void tell_pause(double at, bool flushed) {
    send(nothing_at(at), {.is_final = true, .speech_final = true, .from_finalize = flushed});
    turns_.end();
  }

  void tell_utterance_end() {
    const double limit = stream_->settings.utterance_end;
    const double end = turns_.last_word_end();
    if (limit == 0 || end == utterance_end_ || now_ - end < limit) return;
    stream_->socket->send(utterance_end_message(place_, end));
    utterance_end_ = end;
  }

  void send(const Utterance& utterance, const ListenResult& result) {
    stream_->socket->send(results_message(utterance, stream_->settings, place_, result, stream_->about));
  }

  std::shared_ptr<ListenStream> stream_;
  ListenPlace place_;
  Turns turns_;
  double now_ = 0;            // seconds that are settled
  double utterance_end_ = 0;  // seconds; the last that was told
};

// Waits for all channels of a file and answers.
class FileAnswer {
 public:
  FileAnswer(std::shared_ptr<HttpReply> reply, ListenSettings settings, ListenAbout about,
             std::string checksum)
      : reply_(std::move(reply)),
        settings_(std::move(settings)),
        about_(std::move(about)),
        checksum_(std::move(checksum)) {}

  // The ends of channels come one after the other.
  void operator()(const UploadSound& sound, const SessionUpdate& update) {
    if (!update.ended || answered_) return;
    if (!update.error.empty()) {
      answered_ = true;
      const ApiError error = describe_failure(update);
      return reply_->send(error.status, "application/json", refusal(error, about_.request_id));
    }
    channels_.resize(sound.count);
    channels_[sound.index] = update.transcript;
    if (++ended_ < sound.count) return;
    reply_->send(200, "application/json", file_answer(channels_, settings_, about_, checksum_));
  }

 private:
  std::shared_ptr<HttpReply> reply_;
  ListenSettings settings_;
  ListenAbout about_;
  std::string checksum_;
  std::vector<Transcript> channels_;
  std::size_t ended_ = 0;
  bool answered_ = false;  // with an error
};

class ListenHandler final : public WebSocketHandler {
 public:
  ListenHandler(Scheduler& scheduler, double idle_seconds, std::shared_ptr<ListenStream> stream)
      : scheduler_(scheduler),
        stream_(std::move(stream)),
        idle_(idle_seconds),
        reader_(stream_->settings.sound, stream_->settings.separate,
                scheduler.recognizer().info().sample_rate) {}

  void on_text(std::string_view text) override {
    guarded([&] {
      const nlohmann::json message = parse_message(text);
      const std::string& type = type_of(message);
      idle_.heard();
      if (type == "CloseStream") return finish();
      if (type == "Finalize") return flush(message);
      if (type != "KeepAlive")
        fail_invalid_argument("unknown type '{}', expected KeepAlive, Finalize or CloseStream",
                              printable(type));
    });
  }

  void on_binary(std::string_view bytes) override {
    guarded([&] {
      if (bytes.empty()) return finish();  // an old way to say so
      if (ended_) fail_invalid_argument("audio after the end of the stream");
      if (sessions_.empty()) open();
      idle_.heard();
      try {
        push(reader_.push(bytes));
      } catch (const Error& error) {  // and so would be what follows
        ended_ = true;
        on_gone();
        stream_->fail(describe_error(error), close_code::kPolicy);
      }
    });
  }

  void on_look() override {
    if (sessions_.empty() || ended_ || !idle_.is_idle(backlog())) return;
    stream_->socket->send(error_message(
        {408, "timeout_error", "idle_timeout",
         fmt::format("neither audio nor KeepAlive for {:g} s: the stream was ended", idle_.seconds())}));
    guarded([&] { finish(); });
  }

  void on_gone() override {
    for (const auto& session : sessions_) session->cancel();
  }

  double backlog() const override {
    double most = 0;
    for (const auto& session : sessions_) most = std::max(most, session->backlog());
    return most;
  }

 private:
  template <class Work>
  void guarded(const Work& work) {
    try {
      work();
    } catch (const std::exception& error) {
      const ApiError known = describe_error(error);
      if (known.status == 503) return stream_->fail(known, close_code::kTryAgainLater);
      stream_->socket->send(error_message(known));
    }
  }

  void open() {
    stream_->open = stream_->channels;
    try {
      for (int channel = 0; channel < stream_->channels; ++channel)
        sessions_.push_back(scheduler_.open(stream_->settings.session, Teller(stream_, channel)));
    } catch (...) {
      for (const auto& session : sessions_) session->cancel();
      sessions_.clear();
      throw;
    }
  }

  void push(std::vector<std::vector<float>> sounds) {
    for (std::size_t channel = 0; channel < sounds.size(); ++channel)
      sessions_[channel]->push(std::move(sounds[channel]));
  }

  // Of one channel when the message has its number.
  void flush(const nlohmann::json& message) {
    if (ended_) return;
    if (sessions_.empty()) return Teller(stream_, 0)({.transcript = {}, .flushed = true});
    push(reader_.flush());
    const auto wanted = message.find("channel");
    const bool one = wanted != message.end() && wanted->is_number_unsigned();
    for (std::size_t channel = 0; channel < sessions_.size(); ++channel) {
      if (!one || wanted->get<std::size_t>() == channel) sessions_[channel]->flush();
    }
  }

  void finish() {
    if (std::exchange(ended_, true)) return;
    if (sessions_.empty()) return stream_->complete(0);
    push(reader_.finish());
    for (const auto& session : sessions_) session->finish();
  }

  Scheduler& scheduler_;
  std::shared_ptr<ListenStream> stream_;
  IdleWatch idle_;  // hears sound and KeepAlive
  SampleReader reader_;
  std::vector<std::shared_ptr<Session>> sessions_;  // one per channel, from the first sound on
  bool ended_ = false;
};

}  // namespace

WebSocketAnswer Listen::accept(const HttpRequest& request, std::shared_ptr<WebSocket> socket) {
  const Recognizer& recognizer = scheduler_.recognizer();
  auto stream = std::make_shared<ListenStream>();
  stream->about = listen_about(request.origin.request, recognizer.info().name, version_);
  try {
    stream->settings = read_listen_query(request.query, recognizer.info(), Kind::kLive, options_.silence);
    stream->settings.session.origin = request.origin;
    recognizer.create_stream(stream->settings.session.stream);  // tells what is wrong with it
  } catch (const std::exception& error) {
    const ApiError known = describe_error(error);
    return {nullptr, known.status, refusal(known, stream->about.request_id)};
  }
  if (stream->settings.separate) stream->channels = stream->settings.sound.channels;
  stream->socket = std::move(socket);
  return {std::make_unique<ListenHandler>(scheduler_, options_.idle_seconds, std::move(stream))};
}

void Listen::handle(HttpRequest request, std::shared_ptr<HttpReply> reply) {
  const ListenAbout about =
      listen_about(request.origin.request, scheduler_.recognizer().info().name, version_);
  const auto read = [this, reply, about](const HttpRequest& received) {
    if (received.header("content-type").value_or("").starts_with("application/json"))
      fail_invalid_argument("the body is JSON, expected a sound file: addresses are not fetched");
    if (received.body.empty()) fail_invalid_argument("the body is empty, expected a sound file");
    const ListenSettings settings =
        read_listen_query(received.query, scheduler_.recognizer().info(), Kind::kFile, options_.silence);
    return Upload{.file = received.body,
                  .name = "the body",
                  .samples = settings.sound,
                  .separate = settings.separate,
                  .options = settings.session.stream,
                  .listener = FileAnswer(reply, settings, about, sha256(received.body))};
  };
  uploads_.transcribe(std::move(request), reply, read,
                      [id = about.request_id](HttpReply& to, const std::exception& why) {
                        const ApiError error = describe_error(why);
                        to.send(error.status, "application/json", refusal(error, id));
                      });
}

}  // namespace glossa::serve
