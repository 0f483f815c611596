// Throwing an Error with a formatted message in one line.
#pragma once

#include <fmt/format.h>

#include <utility>

#include "glossa/error.hpp"

namespace glossa {

// A file, model or text that cannot be used.
template <class... Args>
[[noreturn]] void fail_bad_input(fmt::format_string<Args...> text, Args&&... args) {
  throw Error(ErrorCode::kBadInput, fmt::format(text, std::forward<Args>(args)...));
}

// A request that does not exist or does not fit.
template <class... Args>
[[noreturn]] void fail_invalid_argument(fmt::format_string<Args...> text, Args&&... args) {
  throw Error(ErrorCode::kInvalidArgument, fmt::format(text, std::forward<Args>(args)...));
}

}  // namespace glossa
