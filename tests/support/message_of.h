#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <string>

#include "glossa/error.hpp"

namespace glossa::testing {

// What the Error that `call` throws says, "no error" where it throws none. The error must have the code, and
// name `where`.
inline std::string message_of(const std::function<void()>& call, ErrorCode code = ErrorCode::kBadInput,
                              const std::string& where = "") {
  try {
    call();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), code) << error.what();
    EXPECT_THAT(error.what(), ::testing::HasSubstr(where));
    return error.what();
  }
  return "no error";
}

}  // namespace glossa::testing
