#include "serve/grpc_status.h"

#include <fmt/format.h>
#include <grpcpp/support/status.h>

#include <array>

#include "base/log.h"
#include "glossa/error.hpp"
#include "serve/riva_request.h"
#include "serve/scheduler.h"

namespace glossa::serve {
namespace {

// In the order of gRPC's numbers.
constexpr std::array<const char*, 17> kNames = {
    "OK",        "CANCELLED",      "UNKNOWN",           "INVALID_ARGUMENT",   "DEADLINE_EXCEEDED",
    "NOT_FOUND", "ALREADY_EXISTS", "PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION",
    "ABORTED",   "OUT_OF_RANGE",   "UNIMPLEMENTED",     "INTERNAL",           "UNAVAILABLE",
    "DATA_LOSS", "UNAUTHENTICATED"};

grpc::Status internal_error(const char* what) {
  log::warning(fmt::format("gRPC: {}", what));
  return {grpc::StatusCode::INTERNAL, what};
}

}  // namespace

grpc::Status status_of(const std::exception_ptr& failure) {
  try {
    std::rethrow_exception(failure);
  } catch (const Overloaded& error) {
    return {grpc::StatusCode::RESOURCE_EXHAUSTED, error.what()};
  } catch (const UnknownModel& error) {
    return {grpc::StatusCode::NOT_FOUND, error.what()};
  } catch (const Error& error) {
    if (error.code() == ErrorCode::kInternal) return internal_error(error.what());
    return {grpc::StatusCode::INVALID_ARGUMENT, error.what()};
  } catch (const std::exception& error) {
    return internal_error(error.what());
  }
}

std::string code_name(const grpc::Status& status) {
  const auto code = static_cast<std::size_t>(status.error_code());
  return code < kNames.size() ? kNames[code] : "UNKNOWN";
}

}  // namespace glossa::serve
