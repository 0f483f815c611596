#include "serve/riva_calls.h"

#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <cctype>
#include <string_view>
#include <utility>

#include "serve/api_keys.h"
#include "serve/grpc_status.h"

namespace glossa::serve {
namespace {

// What the server could not do although it was asked well: HTTP's 500 and 503.
const std::set<grpc::StatusCode> kFailures = {
    grpc::StatusCode::INTERNAL, grpc::StatusCode::RESOURCE_EXHAUSTED, grpc::StatusCode::UNAVAILABLE};

// The key of "Bearer KEY"; empty for anything else.
std::string_view bearer_key(std::string_view value) {
  constexpr std::string_view kScheme = "bearer ";
  if (value.size() < kScheme.size()) return {};
  const bool same = std::equal(kScheme.begin(), kScheme.end(), value.begin(), [](char wanted, char c) {
    return wanted == static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  });
  return same ? value.substr(kScheme.size()) : std::string_view();
}

// Of "ipv4:10.0.0.7:4711" and "ipv6:%5B::1%5D:4711", as gRPC writes them.
std::string address_in(const std::string& peer) {
  constexpr std::string_view kOpen = "%5B";
  constexpr std::string_view kClose = "%5D";
  if (const std::size_t begin = peer.find(kOpen); begin != std::string::npos) {
    const std::size_t from = begin + kOpen.size();
    return peer.substr(from, peer.find(kClose, from) - from);
  }
  const std::size_t from = peer.find(':') + 1;  // 0 without one
  return peer.substr(from, peer.rfind(':') - from);
}

}  // namespace

void CallsInFlight::begin() {
  const std::lock_guard lock(mutex_);
  ++calls_;
}

void CallsInFlight::end() {
  const std::lock_guard lock(mutex_);
  if (--calls_ == 0) condition_.notify_all();
}

void CallsInFlight::wait_until_none(std::chrono::milliseconds longest) {
  std::unique_lock lock(mutex_);
  condition_.wait_for(lock, longest, [&] { return calls_ == 0; });
}

grpc::Status admit(const RivaContext& context, const grpc::CallbackServerContext& call) {
  if (context.draining) return {grpc::StatusCode::UNAVAILABLE, "the server is shutting down"};
  if (context.api_keys.empty()) return grpc::Status::OK;
  const auto [first, last] = call.client_metadata().equal_range("authorization");
  const bool known = std::any_of(first, last, [&](const auto& entry) {
    return is_known_key(context.api_keys, bearer_key({entry.second.data(), entry.second.size()}));
  });
  if (known) return grpc::Status::OK;
  return {grpc::StatusCode::UNAUTHENTICATED, "an API key is needed (metadata \"authorization: Bearer KEY\")"};
}

grpc::Status session_failure(const RivaContext& context, const SessionUpdate& update) {
  if (update.is_client_error) return {grpc::StatusCode::INVALID_ARGUMENT, update.error};
  return {context.draining ? grpc::StatusCode::UNAVAILABLE : grpc::StatusCode::INTERNAL, update.error};
}

std::size_t session_count(const RivaRequest& request) {
  return request.separate ? static_cast<std::size_t>(request.sound.channels) : 1;
}

Sessions open_sessions(const RivaContext& context, const RivaRequest& request,
                       const std::function<Listener(std::size_t)>& listener) {
  Sessions sessions;
  try {
    for (std::size_t channel = 0; channel < session_count(request); ++channel)
      sessions.push_back(context.scheduler.open(request.session, listener(channel)));
  } catch (...) {
    cancel(sessions);
    throw;
  }
  return sessions;
}

void cancel(const Sessions& sessions) {
  for (const auto& session : sessions) session->cancel();
}

CallRecord begin_record(const grpc::CallbackServerContext& call, std::string name) {
  const auto given = call.client_metadata().find("x-request-id");
  const std::string_view request = given == call.client_metadata().end()
                                       ? std::string_view()
                                       : std::string_view(given->second.data(), given->second.size());
  return {{request_name(request), "grpc", address_in(call.peer())}, std::move(name)};
}

void end_record(const RivaContext& context, const CallRecord& record, const grpc::Status& status) {
  const std::string code = code_name(status);
  context.metrics.request("grpc", code);
  const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - record.begin;
  log_request({.origin = record.origin,
               .call = record.call,
               .code = code,
               .is_failure = kFailures.count(status.error_code()) > 0,
               .seconds = taken.count(),
               .why = status.error_message()});
}

void leave(RivaContext& context, const CallRecord& record, const grpc::Status& status,
           const Sessions& sessions) {
  end_record(context, record, status);
  cancel(sessions);
  context.calls.end();
}

}  // namespace glossa::serve
