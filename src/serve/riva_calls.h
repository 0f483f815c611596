// The calls of Riva's service that last: each is an object of its own that gRPC's threads and the scheduler's
// thread work on, alive until gRPC is done with it and no session knows it.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "serve/event_log.h"
#include "serve/live_options.h"
#include "serve/metrics.h"
#include "serve/riva_request.h"
#include "serve/scheduler.h"
#include "serve/worker.h"

namespace grpc {
class CallbackServerContext;
class ByteBuffer;
class ServerUnaryReactor;
class Status;
template <class Request, class Response>
class ServerBidiReactor;
}  // namespace grpc

namespace nvidia::riva::asr {
class RecognizeRequest;
class RecognizeResponse;
}  // namespace nvidia::riva::asr

namespace glossa::serve {

// Thread-safe.
class CallsInFlight {
 public:
  void begin();
  void end();
  void wait_until_none(std::chrono::milliseconds longest);

 private:
  std::mutex mutex_;
  std::condition_variable condition_;
  int calls_ = 0;
};

// What all calls share; it lives longer than they do.
struct RivaContext {
  Scheduler& scheduler;
  Metrics& metrics;
  Worker& worker;
  std::set<std::string> api_keys;  // empty: open to everybody
  LiveOptions live;
  std::atomic<bool> draining = false;
  CallsInFlight calls = {};

  const ModelInfo& model() const { return scheduler.recognizer().info(); }
};

// Ownership is gRPC's: they free themselves when the call is done.
grpc::ServerUnaryReactor* start_recognize(RivaContext& context, grpc::CallbackServerContext& call,
                                          const nvidia::riva::asr::RecognizeRequest& request,
                                          nvidia::riva::asr::RecognizeResponse& response);
// Messages come as bytes: gRPC would take one that it cannot read for the client's half-close.
grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>* start_streaming_recognize(
    RivaContext& context, grpc::CallbackServerContext& call);

// Of one call, for the log.
struct CallRecord {
  Origin origin;
  std::string call;  // "StreamingRecognize"
  std::chrono::steady_clock::time_point begin = std::chrono::steady_clock::now();
};
CallRecord begin_record(const grpc::CallbackServerContext& call, std::string name);

// In metrics and log.
void end_record(const RivaContext& context, const CallRecord& record, const grpc::Status& status);

// UNAUTHENTICATED without one of the keys, UNAVAILABLE while the server is draining.
grpc::Status admit(const RivaContext& context, const grpc::CallbackServerContext& call);

// Why a session ended before its time.
grpc::Status session_failure(const RivaContext& context, const SessionUpdate& update);

using Sessions = std::vector<std::shared_ptr<Session>>;

// One, or one for every channel: `listener(channel)` from 0. All or none: what Scheduler::open() throws
// leaves nothing open.
Sessions open_sessions(const RivaContext& context, const RivaRequest& request,
                       const std::function<Listener(std::size_t channel)>& listener);

std::size_t session_count(const RivaRequest& request);

// Must not be called with a mutex that a listener takes.
void cancel(const Sessions& sessions);

// gRPC is done with a call that ended so: what every OnDone() comes to. As cancel().
void leave(RivaContext& context, const CallRecord& record, const grpc::Status& status,
           const Sessions& sessions);

}  // namespace glossa::serve
