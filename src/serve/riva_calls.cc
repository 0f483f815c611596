#include "serve/riva_calls.h"

#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <cctype>
#include <string_view>

#include "serve/grpc_status.h"

namespace glossa::serve {
namespace {

// The key of "Bearer KEY"; empty for anything else.
std::string_view bearer_key(std::string_view value) {
  constexpr std::string_view kScheme = "bearer ";
  if (value.size() < kScheme.size()) return {};
  const bool same = std::equal(kScheme.begin(), kScheme.end(), value.begin(), [](char wanted, char c) {
    return wanted == static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  });
  return same ? value.substr(kScheme.size()) : std::string_view();
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
    return context.api_keys.count(std::string(bearer_key({entry.second.data(), entry.second.size()}))) > 0;
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

void leave(RivaContext& context, const grpc::Status& status, const Sessions& sessions) {
  context.metrics.request("grpc", code_name(status));
  cancel(sessions);
  context.calls.end();
}

}  // namespace glossa::serve
