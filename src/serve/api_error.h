// What went wrong with a request, as every interface says it in its own form.
#pragma once

#include <exception>
#include <string>

#include "serve/scheduler.h"

namespace glossa::serve {

struct ApiError {
  int status = 400;  // HTTP
  std::string type;  // "invalid_request_error", "server_error", ...
  std::string code;  // "overloaded", "unsupported_language", ...
  std::string message;
  std::string parameter = {};  // what the message is about; empty: none
};

// Of what was thrown: Overloaded is 503, an Error of the client's making 400, everything else 500.
ApiError describe_error(const std::exception& error);

// Of a session that ended before its time: 400 where the client's sound is to blame, else 500.
ApiError describe_failure(const SessionUpdate& update);

}  // namespace glossa::serve
