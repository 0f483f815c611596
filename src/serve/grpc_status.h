// Failures as clients hear them.
#pragma once

#include <exception>
#include <string>

namespace grpc {
class Status;
}

namespace glossa::serve {

// What was thrown: Overloaded is RESOURCE_EXHAUSTED, UnknownModel NOT_FOUND, a wrong request or unusable
// sound INVALID_ARGUMENT, everything else INTERNAL.
grpc::Status status_of(const std::exception_ptr& failure);

// "INVALID_ARGUMENT".
std::string code_name(const grpc::Status& status);

}  // namespace glossa::serve
