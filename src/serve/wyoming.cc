#include "serve/wyoming.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "base/fail.h"
#include "serve/api_error.h"
#include "serve/growing_text.h"
#include "serve/sound_reader.h"
#include "serve/stream_limits.h"
#include "text/json_text.h"

namespace glossa::serve {
namespace {

using json = nlohmann::json;

int number(const json& data, const char* name, int otherwise, int least, int most) {
  if (!data.contains(name) || data[name].is_null()) return otherwise;
  const json& value = data[name];
  if (!value.is_number_integer() || value.get<double>() < least || value.get<double>() > most)
    fail_invalid_argument("{} is {}, expected {} to {}", name, text::json_text(value), least, most);
  return value.get<int>();
}

RawFormat format_of(const json& data) {
  RawFormat format;
  const int width = number(data, "width", 2, 2, 4);
  if (width == 3) format.samples = SampleFormat::kSigned24;
  if (width == 4) format.samples = SampleFormat::kSigned32;
  format.rate = number(data, "rate", 16000, kLeastRate, kMostRate);
  format.channels = number(data, "channels", 1, 1, kMostChannels);
  return format;
}

json describe(const ModelInfo& model, const std::string& version) {
  json languages = json::array();
  for (const Language& language : model.languages) {
    if (language.code != "auto") languages.push_back(language.code);
  }
  const json attribution = {{"name", "glossa"}, {"url", ""}};
  const json known = {{"name", model.name}, {"description", model.name}, {"attribution", attribution},
                      {"installed", true},  {"version", version},        {"languages", languages}};
  return {{"asr",
           {{{"name", "glossa"},
             {"description", "streaming speech recognition"},
             {"attribution", attribution},
             {"installed", true},
             {"version", version},
             {"supports_transcript_streaming", true},
             {"models", {known}}}}}};
}

void tell_error(WyomingPeer& peer, const ApiError& error) {
  peer.send("error", {{"text", error.message}, {"code", error.code}});
  peer.close();
}

// Tells what is heard between audio-start and audio-stop.
class WyomingTeller {
 public:
  explicit WyomingTeller(std::shared_ptr<WyomingPeer> peer) : peer_(std::move(peer)) {}

  void operator()(const SessionUpdate& update) {
    if (!update.error.empty()) return tell_error(*peer_, describe_failure(update));
    const Transcript& transcript = update.transcript;
    const std::string delta = told_.delta(transcript.text, /*whole=*/update.ended);
    if (!begun_ && (!delta.empty() || update.ended)) {
      begun_ = true;
      peer_->send("transcript-start", json::object());
    }
    if (!delta.empty()) peer_->send("transcript-chunk", {{"text", delta}});
    if (!update.ended) return;
    json last = {{"text", transcript.text}};
    if (!transcript.language.empty()) last["language"] = transcript.language;
    peer_->send("transcript", last);
    peer_->send("transcript-stop", json::object());
  }

 private:
  std::shared_ptr<WyomingPeer> peer_;
  GrowingText told_;
  bool begun_ = false;
};

class Wyoming final : public WyomingHandler {
 public:
  Wyoming(Scheduler& scheduler, std::string version, Origin origin, std::shared_ptr<WyomingPeer> peer)
      : scheduler_(scheduler),
        version_(std::move(version)),
        origin_(std::move(origin)),
        peer_(std::move(peer)) {}

  bool on_event(std::string_view type, const json& data, std::string_view payload) override {
    try {
      handle(type, data, payload);
      return true;
    } catch (const std::exception& error) {
      tell_error(*peer_, describe_error(error));
      return false;
    }
  }

  void on_gone() override {
    for (const std::shared_ptr<Session>& session : sessions_) session->cancel();
  }

  double backlog() const override {
    double seconds = 0;
    for (const std::shared_ptr<Session>& session : sessions_) seconds += session->backlog();
    return seconds;
  }

  bool is_answering() const override {
    return !reader_ && std::any_of(sessions_.begin(), sessions_.end(), is_open);
  }

 private:
  // The scheduler holds those that have not ended.
  static bool is_open(const std::shared_ptr<Session>& session) { return session.use_count() > 1; }

  void handle(std::string_view type, const json& data, std::string_view payload) {
    if (type == "describe") {
      peer_->send("info", describe(scheduler_.recognizer().info(), version_));
    } else if (type == "ping") {
      peer_->send("pong", {{"text", data.value("text", json())}});
    } else if (type == "transcribe") {
      const json language = data.value("language", json());
      StreamOptions options;
      if (language.is_string() && !language.get_ref<const std::string&>().empty())
        options.target_lang = language.get<std::string>();
      scheduler_.recognizer().create_stream(options);  // tells what is wrong with it
      options_ = std::move(options);
    } else if (type == "audio-start") {
      begin(data);
    } else if (type == "audio-chunk") {
      if (!reader_) begin(data);
      push(reader_->push(payload));
    } else if (type == "audio-stop") {
      if (!reader_) begin(data);  // nothing was said
      push(reader_->finish());
      sessions_.back()->finish();
      reader_.reset();
    }
  }

  void begin(const json& data) {
    if (reader_) fail_invalid_argument("audio-start before audio-stop");
    const RawFormat format = format_of(data);
    std::erase_if(sessions_, [](const auto& session) { return !is_open(session); });
    sessions_.push_back(
        scheduler_.open({.stream = options_, .silence = 0, .origin = origin_}, WyomingTeller(peer_)));
    reader_.emplace(format, /*separate=*/false, scheduler_.recognizer().info().sample_rate);
  }

  void push(std::vector<std::vector<float>> sounds) {
    if (!sounds.empty()) sessions_.back()->push(std::move(sounds.front()));
  }

  Scheduler& scheduler_;
  std::string version_;
  Origin origin_;
  std::shared_ptr<WyomingPeer> peer_;
  StreamOptions options_;
  std::optional<SampleReader> reader_;              // between audio-start and audio-stop
  std::vector<std::shared_ptr<Session>> sessions_;  // the last one, and those still being decoded
};

}  // namespace

std::unique_ptr<WyomingHandler> make_wyoming(Scheduler& scheduler, std::string version, Origin origin,
                                             std::shared_ptr<WyomingPeer> peer) {
  return std::make_unique<Wyoming>(scheduler, std::move(version), std::move(origin), std::move(peer));
}

}  // namespace glossa::serve
