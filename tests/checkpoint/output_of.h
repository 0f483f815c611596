#pragma once

#include <gtest/gtest.h>

#include <cstdio>
#include <string>

namespace glossa::testing {

// What a command of the shell writes. It must end well.
inline std::string output_of(const std::string& command) {
  std::FILE* pipe = ::popen(command.c_str(), "r");
  std::string text;
  char part[4096];
  while (const std::size_t size = std::fread(part, 1, sizeof(part), pipe)) text.append(part, size);
  EXPECT_EQ(::pclose(pipe), 0) << command << '\n' << text;
  return text;
}

}  // namespace glossa::testing
