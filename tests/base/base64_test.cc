#include "base/base64.h"

#include <gtest/gtest.h>

#include <random>

namespace glossa {
namespace {

std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

// Oracle: RFC 4648, section 10.
TEST(Base64, TestVectors) {
  for (const auto& [plain, coded] :
       std::vector<std::pair<std::string, std::string>>{{"", ""},
                                                        {"f", "Zg=="},
                                                        {"fo", "Zm8="},
                                                        {"foo", "Zm9v"},
                                                        {"foob", "Zm9vYg=="},
                                                        {"fooba", "Zm9vYmE="},
                                                        {"foobar", "Zm9vYmFy"}}) {
    EXPECT_EQ(to_base64(bytes_of(plain)), coded);
    const auto back = from_base64(coded);
    ASSERT_TRUE(back.has_value()) << coded;
    EXPECT_TRUE(std::equal(back->begin(), back->end(), bytes_of(plain).begin(), bytes_of(plain).end()));
  }
}

TEST(Base64, AnyBytesComeBack) {
  std::mt19937 random(1);
  for (std::size_t size = 0; size < 300; ++size) {
    std::vector<std::byte> bytes(size);
    for (std::byte& byte : bytes) byte = static_cast<std::byte>(random());
    EXPECT_EQ(from_base64(to_base64(bytes)), bytes);
  }
}

TEST(Base64, RefusesOtherText) {
  for (const char* text :
       {"Z", "Zg", "Zg=", "Zg==Zg==", "Z===", "====", "Zm9v\n", "Zm-_", "Zh==", "Zm9=", "=Zg="}) {
    EXPECT_FALSE(from_base64(text).has_value()) << text;
  }
}

}  // namespace
}  // namespace glossa
