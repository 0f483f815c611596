// Recognize: a whole sound in one request.
#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <exception>
#include <mutex>
#include <optional>
#include <span>
#include <utility>

#include "audio/audio_file.h"
#include "base/fail.h"
#include "serve/grpc_status.h"
#include "serve/proto/riva_asr.pb.h"
#include "serve/riva_calls.h"
#include "serve/riva_result.h"
#include "serve/sound_reader.h"
#include "serve/uploads.h"

namespace glossa::serve {
namespace {

namespace asr = nvidia::riva::asr;

// Samples for every session. A file is known by its beginning, whatever the client says of it.
// No more of a file than a session takes and can tell from it that it was too long.
std::vector<std::vector<float>> read_sounds(const std::string& bytes, const RivaRequest& request, int rate,
                                            double longest_seconds) {
  const bool is_file = is_sound_file(bytes) || request.encoding == RivaEncoding::kFile ||
                       (request.encoding == RivaEncoding::kUnspecified && looks_like_mp3(bytes));
  if (!is_file) return read_samples(bytes, request.sound, request.separate, rate);
  const auto file = std::as_bytes(std::span(bytes));
  const audio::AudioPart part{.duration = longest_seconds + 1};
  const auto use = request.separate ? audio::ChannelUse::kSeparate : audio::ChannelUse::kMean;
  std::vector<std::vector<float>> channels = audio::read_channels(file, "audio", rate, use, part).channels;
  if (request.separate && std::ssize(channels) != request.sound.channels) {
    fail_invalid_argument("audio_channel_count is {}, expected {}: the channels of the file",
                          request.sound.channels, channels.size());
  }
  return channels;
}

class RecognizeCall final : public grpc::ServerUnaryReactor,
                            public std::enable_shared_from_this<RecognizeCall> {
 public:
  RecognizeCall(RivaContext& context, const grpc::CallbackServerContext& call,
                const asr::RecognizeRequest& request, asr::RecognizeResponse& response)
      : context_(context), record_(begin_record(call, "Recognize")), request_(request), response_(response) {}

  void start(const grpc::CallbackServerContext& call) {
    self_ = shared_from_this();
    context_.calls.begin();
    const grpc::Status admitted = admit(context_, call);
    if (!admitted.ok()) return end(admitted);
    try {
      open();
    } catch (...) {
      return end(status_of(std::current_exception()));
    }
    context_.worker.add([self = self_] { self->feed(); });
  }

  void OnCancel() override { end(grpc::Status::CANCELLED); }

  void OnDone() override {
    const auto self = std::move(self_);
    Sessions sessions;
    {
      const std::lock_guard lock(mutex_);
      sessions.swap(sessions_);
    }
    leave(context_, record_, *status_, sessions);
  }

 private:
  struct Result {
    double start = 0;  // seconds
    asr::SpeechRecognitionResult message;
  };

  void open() {
    if (request_.audio().empty()) fail_invalid_argument("audio is empty");
    config_ = read_riva_config(request_.config(), context_.model(), Kind::kFile, context_.live.silence);
    if (!request_.id().value().empty()) record_.origin.request = request_name(request_.id().value());
    config_.session.origin = record_.origin;
    open_ = session_count(config_);
    Sessions sessions = open_sessions(context_, config_, [this](std::size_t channel) {
      return [self = self_, channel](const SessionUpdate& update) { self->on_update(channel, update); };
    });
    const std::lock_guard lock(mutex_);
    sessions_ = std::move(sessions);
  }

  // On the worker's thread. The request is gRPC's, which keeps it until the call is finished.
  void feed() {
    const auto has_ended = [this] {
      const std::lock_guard lock(mutex_);
      return status_.has_value();
    };
    if (!wait_to_decode(context_.scheduler, context_.worker, has_ended)) return;
    {
      const std::lock_guard lock(mutex_);
      if (status_) return;
      reading_request_ = true;
    }
    std::optional<grpc::Status> failure;
    try {
      std::vector<std::vector<float>> sounds = read_sounds(
          request_.audio(), config_, context_.model().sample_rate, context_.scheduler.longest_seconds());
      for (std::size_t sound = 0; sound < sounds.size(); ++sound)
        sessions_[sound]->push(std::move(sounds[sound]));
      for (const auto& session : sessions_) session->finish();
    } catch (...) {
      failure = status_of(std::current_exception());
    }
    {
      const std::lock_guard lock(mutex_);
      reading_request_ = false;
      finish_when_possible();
    }
    if (failure) end(*failure);
  }

  // On the scheduler's thread.
  void on_update(std::size_t channel, const SessionUpdate& update) {
    const RivaPlace place{static_cast<int>(channel) + 1, update.transcript.decoded};
    for (const Utterance& utterance : update.utterances.finals) {
      Result result{utterance.start, {}};
      if (write_final(utterance, config_, place, result.message)) results_.push_back(std::move(result));
    }
    if (!update.ended) return;
    if (!update.error.empty()) return end(session_failure(context_, update));
    if (--open_ > 0) return;
    write_response();
    end(grpc::Status::OK);
  }

  void write_response() {
    std::stable_sort(results_.begin(), results_.end(),
                     [](const Result& a, const Result& b) { return a.start < b.start; });
    const std::lock_guard lock(mutex_);
    if (status_) return;
    for (Result& result : results_) *response_.add_results() = std::move(result.message);
    if (request_.has_id()) *response_.mutable_id() = request_.id();
  }

  // The first status is the one that counts.
  void end(const grpc::Status& status) {
    Sessions sessions;
    {
      const std::lock_guard lock(mutex_);
      if (status_) return;
      status_ = status;
      if (!status.ok()) sessions = sessions_;
      finish_when_possible();
    }
    cancel(sessions);
  }

  // With mutex_ held.
  void finish_when_possible() {
    if (!status_ || reading_request_ || finished_) return;
    finished_ = true;
    Finish(*status_);
  }

  RivaContext& context_;
  CallRecord record_;  // constant once sessions are open
  const asr::RecognizeRequest& request_;
  asr::RecognizeResponse& response_;
  std::shared_ptr<RecognizeCall> self_;  // until gRPC is done

  RivaRequest config_;  // constant once sessions are open

  // Of the scheduler's thread.
  std::size_t open_ = 0;  // sessions that have not ended
  std::vector<Result> results_;

  std::mutex mutex_;
  Sessions sessions_;  // constant from the start to the end
  std::optional<grpc::Status> status_;
  bool reading_request_ = false;
  bool finished_ = false;
};

}  // namespace

grpc::ServerUnaryReactor* start_recognize(RivaContext& context, grpc::CallbackServerContext& call,
                                          const asr::RecognizeRequest& request,
                                          asr::RecognizeResponse& response) {
  const auto started = std::make_shared<RecognizeCall>(context, call, request, response);
  started->start(call);
  return started.get();
}

}  // namespace glossa::serve
