// StreamingRecognize: a sound while it arrives.
#include <fmt/format.h>
#include <grpcpp/alarm.h>
#include <grpcpp/grpcpp.h>
#include <grpcpp/support/proto_buffer_reader.h>

#include <algorithm>
#include <chrono>
#include <deque>
#include <exception>
#include <mutex>
#include <optional>
#include <utility>

#include "base/fail.h"
#include "serve/grpc_status.h"
#include "serve/proto/riva_asr.pb.h"
#include "serve/riva_calls.h"
#include "serve/riva_result.h"
#include "serve/sound_reader.h"

namespace glossa::serve {
namespace {

namespace asr = nvidia::riva::asr;
using Request = asr::StreamingRecognizeRequest;
using Response = asr::StreamingRecognizeResponse;
using Clock = std::chrono::steady_clock;

constexpr std::size_t kMostFinals = 1024;  // waiting for a client that does not read
constexpr double kMostBehind = 10;         // seconds of sound not yet decoded, beside two chunks of it

// One read and one write are under way at most. A message of the client is taken in by gRPC's thread, results
// come on the scheduler's thread, which only puts them into the queue; whoever finds the writer idle starts
// the next write. Sessions are never cancelled with mutex_ held: a running listener waits for it.
class StreamingCall final : public grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>,
                            public std::enable_shared_from_this<StreamingCall> {
 public:
  StreamingCall(RivaContext& context, const grpc::CallbackServerContext& call)
      : context_(context), call_(call), record_(begin_record(call, "StreamingRecognize")) {}

  void start() {
    self_ = shared_from_this();
    context_.calls.begin();
    const grpc::Status admitted = admit(context_, call_);
    if (!admitted.ok()) return end(admitted);
    const std::lock_guard lock(mutex_);
    watch(context_.live.idle_seconds);
    StartRead(&request_);
  }

  void OnReadDone(bool ok) override {
    if (!ok && call_.IsCancelled()) return end(grpc::Status::CANCELLED);
    {
      const std::lock_guard lock(mutex_);
      if (status_) return;
      heard_ = Clock::now();
      half_closed_ = !ok;
    }
    try {
      if (!ok) return finish_sound();
      take(read_message());
    } catch (...) {
      return end(status_of(std::current_exception()));
    }
    const std::lock_guard lock(mutex_);
    read_paused_ = true;
    read_when_possible();
  }

  void OnWriteDone(bool ok) override {
    const std::lock_guard lock(mutex_);
    writing_ = false;
    if (!ok) forget_results();  // the client has gone: OnCancel() says so
    write_when_possible();
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
  // Of gRPC's thread.
  Request read_message() {
    Request message;
    grpc::ProtoBufferReader bytes(&request_);
    if (!bytes.status().ok() || !message.ParseFromZeroCopyStream(&bytes))
      fail_invalid_argument("a message is no StreamingRecognizeRequest");
    return message;
  }

  void take(const Request& message) {
    if (message.has_streaming_config()) {
      if (reader_) fail_invalid_argument("streaming_config came again (expected in the first message alone)");
      return open(message);
    }
    if (!reader_) fail_invalid_argument("the first message has no streaming_config");
    push(reader_->push(message.audio_content()));
    const auto ends = message.runtime_config().find("force_eou");
    if (ends == message.runtime_config().end() || ends->second != "true") return;
    push(reader_->flush());
    for (const auto& session : sessions_) session->flush();
  }

  void open(const Request& message) {
    const asr::StreamingRecognitionConfig& config = message.streaming_config();
    config_ = read_riva_config(config.config(), context_.model(), Kind::kLive, context_.live.silence);
    if (!message.id().value().empty()) record_.origin.request = request_name(message.id().value());
    config_.session.origin = record_.origin;
    interim_results_ = config.interim_results();
    config_.session.takes_drafts = interim_results_;
    const AttContext chunk =
        config_.session.stream.att_context.value_or(context_.model().att_contexts.front());
    most_behind_ = kMostBehind + 2 * chunk.chunk_frames() * context_.model().frame_seconds;
    {
      const std::lock_guard lock(mutex_);
      if (message.has_id()) id_ = message.id();
      open_ = session_count(config_);
      interims_.resize(open_);
      interim_told_.resize(open_);
    }
    Sessions sessions = open_sessions(context_, config_, [this](std::size_t channel) {
      return [self = self_, channel](const SessionUpdate& update) { self->on_update(channel, update); };
    });
    reader_.emplace(config_.sound, config_.separate, context_.model().sample_rate);
    {
      const std::lock_guard lock(mutex_);
      sessions_ = sessions;
      if (!status_) return;
    }
    cancel(sessions);  // the client went meanwhile
  }

  void push(std::vector<std::vector<float>> sounds) {
    for (std::size_t sound = 0; sound < sounds.size(); ++sound)
      sessions_[sound]->push(std::move(sounds[sound]));
  }

  void finish_sound() {
    if (!reader_) fail_invalid_argument("the stream ended without a streaming_config");
    push(reader_->finish());
    for (const auto& session : sessions_) session->finish();
  }

  // Of the scheduler's thread.
  void on_update(std::size_t channel, const SessionUpdate& update) {
    const RivaPlace place{static_cast<int>(channel) + 1, update.began + update.transcript.decoded};
    std::vector<Response> finals;
    for (const Utterance& utterance : update.utterances.finals) {
      Response response;
      if (write_final(utterance, config_, place, *response.add_results()))
        finals.push_back(std::move(response));
    }
    std::optional<Response> interim;
    const UtteranceUpdate& heard = update.utterances;
    const bool withdrawn = !heard.interim && heard.finals.empty() && interim_told_[channel];
    if (interim_results_ && heard.interim_changed && (heard.interim || withdrawn)) {
      Response response;
      if (write_interim(heard, config_, place, *response.add_results())) interim = std::move(response);
    }
    if (interim || !heard.finals.empty()) interim_told_[channel] = heard.interim.has_value();
    {
      const std::lock_guard lock(mutex_);
      if (status_) return;
      if (!finals.empty()) interims_[channel].reset();  // it was of what is final now
      for (Response& response : finals) finals_.push_back(std::move(response));
      if (interim && update.ended)  // nothing else would replace what was told
        finals_.push_back(std::move(*interim));
      else if (interim)
        interims_[channel] = std::move(interim);
      if (update.ended && update.error.empty() && --open_ == 0) status_ = grpc::Status::OK;
      read_when_possible();
      write_when_possible();
      if (finals_.size() <= kMostFinals && update.error.empty()) return;
    }
    if (!update.error.empty()) return end(session_failure(context_, update));
    end({grpc::StatusCode::RESOURCE_EXHAUSTED, fmt::format("{} results wait to be read", kMostFinals)});
  }

  // The first status is the one that counts. Final results that wait go before it, unless nobody reads them.
  void end(const grpc::Status& status) {
    Sessions sessions;
    {
      const std::lock_guard lock(mutex_);
      if (status_) return;
      status_ = status;
      sessions = sessions_;
      const bool unread = finals_.size() > kMostFinals || status.error_code() == grpc::StatusCode::CANCELLED;
      if (unread) forget_results();
      write_when_possible();
    }
    cancel(sessions);
  }

  // From here on with mutex_ held.
  void forget_results() {
    finals_.clear();
    for (auto& interim : interims_) interim.reset();
  }

  void read_when_possible() {
    if (!read_paused_ || status_) return;
    const bool behind = std::any_of(sessions_.begin(), sessions_.end(),
                                    [&](const auto& session) { return session->backlog() > most_behind_; });
    if (behind) return;  // the next update looks again
    read_paused_ = false;
    heard_ = Clock::now();
    StartRead(&request_);
  }

  void write_when_possible() {
    if (writing_ || finished_) return;
    Response response;
    if (!finals_.empty()) {
      response = std::move(finals_.front());
      finals_.pop_front();
    } else if (status_) {
      finished_ = true;
      if (alarm_) alarm_->Cancel();
      return Finish(*status_);
    } else {
      const auto interim =
          std::find_if(interims_.begin(), interims_.end(), [](const auto& waits) { return waits; });
      if (interim == interims_.end()) return;
      response = std::move(**interim);
      interim->reset();
    }
    if (id_) *response.mutable_id() = *id_;
    const grpc::Slice bytes(response.SerializeAsString());
    response_ = grpc::ByteBuffer(&bytes, 1);
    writing_ = true;
    StartWrite(&response_);
  }

  // Looks after so many seconds whether the client has been heard meanwhile. Each time with another alarm:
  // one cannot be set anew by what it calls.
  void watch(double seconds) {
    if (context_.live.idle_seconds <= 0) return;
    alarm_ = std::make_unique<grpc::Alarm>();
    alarm_->Set(std::chrono::system_clock::now() +
                    std::chrono::milliseconds(static_cast<std::int64_t>(seconds * 1e3)),
                [weak = weak_from_this()](bool rang) {
                  if (const auto call = weak.lock(); rang && call) call->on_alarm();
                });
  }

  // With mutex_ free.
  void on_alarm() {
    {
      const std::lock_guard lock(mutex_);
      if (status_ || half_closed_) return;
      if (read_paused_) heard_ = Clock::now();
      const double idle = std::chrono::duration<double>(Clock::now() - heard_).count();
      if (idle < context_.live.idle_seconds) return watch(context_.live.idle_seconds - idle);
    }
    end({grpc::StatusCode::DEADLINE_EXCEEDED,
         fmt::format("no audio for {:g} s", context_.live.idle_seconds)});
  }

  RivaContext& context_;
  const grpc::CallbackServerContext& call_;
  std::shared_ptr<StreamingCall> self_;  // until gRPC is done

  // Of gRPC's thread, one message at a time.
  grpc::ByteBuffer request_;
  std::optional<SampleReader> reader_;  // from the first message on

  // Constant once sessions are open.
  CallRecord record_;
  RivaRequest config_;
  bool interim_results_ = false;
  // Of the scheduler's thread: the last result of each channel was an interim one.
  std::vector<bool> interim_told_;
  double most_behind_ = 0;  // seconds

  std::mutex mutex_;
  Sessions sessions_;
  std::optional<nvidia::riva::RequestId> id_;
  std::size_t open_ = 0;                           // sessions that have not ended
  std::deque<Response> finals_;                    // to be written, in order
  std::vector<std::optional<Response>> interims_;  // of each channel, the newest alone, after the finals
  grpc::ByteBuffer response_;                      // being written
  bool writing_ = false;
  bool read_paused_ = false;
  bool half_closed_ = false;
  bool finished_ = false;
  std::optional<grpc::Status> status_;
  Clock::time_point heard_ = Clock::now();
  std::unique_ptr<grpc::Alarm> alarm_;
};

}  // namespace

grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>* start_streaming_recognize(
    RivaContext& context, grpc::CallbackServerContext& call) {
  const auto started = std::make_shared<StreamingCall>(context, call);
  started->start();
  return started.get();
}

}  // namespace glossa::serve
