#include "serve/api_error.h"

#include "glossa/error.hpp"

namespace glossa::serve {

ApiError describe_error(const std::exception& error) {
  if (dynamic_cast<const Overloaded*>(&error) != nullptr)
    return {503, "server_error", "overloaded", error.what()};
  if (const auto* known = dynamic_cast<const Error*>(&error); known && known->code() != ErrorCode::kInternal)
    return {400, "invalid_request_error",
            known->code() == ErrorCode::kBadInput ? "unusable_input" : "invalid_value", error.what()};
  return {500, "server_error", "internal_error", error.what()};
}

ApiError describe_failure(const SessionUpdate& update) {
  if (update.is_client_error) return {400, "invalid_request_error", "unusable_input", update.error};
  return {500, "server_error", "transcription_failed", update.error};
}

}  // namespace glossa::serve
