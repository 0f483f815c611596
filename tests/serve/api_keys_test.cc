#include "serve/api_keys.h"

#include <gtest/gtest.h>

namespace glossa::serve {
namespace {

TEST(ApiKeys, AreKnownAsAWhole) {
  const std::set<std::string> keys = {"sesame", "open", std::string("a\0b", 3)};
  EXPECT_TRUE(is_known_key(keys, "sesame"));
  EXPECT_TRUE(is_known_key(keys, "open"));
  EXPECT_TRUE(is_known_key(keys, std::string_view("a\0b", 3)));
  for (const char* other : {"", "a", "sesam", "sesame ", "Sesame", "tesame", "sesamo", "opensesame"})
    EXPECT_FALSE(is_known_key(keys, other)) << other;
  EXPECT_FALSE(is_known_key({}, "sesame"));
  EXPECT_FALSE(is_known_key({""}, ""));
}

}  // namespace
}  // namespace glossa::serve
