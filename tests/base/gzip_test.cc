#include "base/gzip.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zlib.h>

#include "base/tar_builder.h"
#include "glossa/error.hpp"
#include "support/message_of.h"

namespace glossa {
namespace {

using testing::bytes_of;
using ::testing::HasSubstr;
using testing::text_of;

std::string gzipped(const std::string& text) {
  z_stream stream{};
  EXPECT_EQ(deflateInit2(&stream, 9, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY), Z_OK);
  std::string out(deflateBound(&stream, text.size()) + 64, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  EXPECT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

std::string gzip_error(const std::string& compressed, const GzipLimits& limits = {}) {
  return testing::message_of([&] { gunzip(bytes_of(compressed), "x.gz", limits); }, ErrorCode::kBadInput,
                             "x.gz");
}

std::string noise(std::size_t size) {
  std::string text(size, '\0');
  std::uint32_t state = 1;
  for (char& c : text) c = static_cast<char>((state = state * 1664525 + 1013904223) >> 24);
  return text;
}

// Oracle: zlib's own deflate.
TEST(Gzip, RoundTrip) {
  for (const std::size_t size : {0, 1, 1000, (1 << 20) - 1, 1 << 20, 3'000'000}) {
    const std::string text = noise(size);
    const std::string compressed = gzipped(text);
    ASSERT_TRUE(is_gzip(bytes_of(compressed)));
    EXPECT_EQ(text_of(gunzip(bytes_of(compressed), "x.gz")), text) << size;
  }
}

TEST(Gzip, MembersAreJoinedAndPaddingIgnored) {
  EXPECT_EQ(text_of(gunzip(bytes_of(gzipped("one ") + gzipped("two") + std::string(20, '\0')), "x.gz")),
            "one two");
}

TEST(Gzip, RefusesDamage) {
  const std::string good = gzipped(noise(1000));
  for (std::size_t length = 0; length < good.size(); ++length) {
    EXPECT_NE(gzip_error(good.substr(0, length)), "no error") << length;
  }
  auto damaged = good;
  damaged[good.size() / 2] = static_cast<char>(damaged[good.size() / 2] ^ 1);
  EXPECT_THAT(gzip_error(damaged), HasSubstr("damaged"));  // the CRC-32 at the end
  EXPECT_THAT(gzip_error(good + "trailing"), HasSubstr("damaged"));
  EXPECT_FALSE(is_gzip(bytes_of("\x1f")));
}

TEST(Gzip, RefusesBombs) {
  const std::string zeros = gzipped(std::string(8 << 20, '\0'));  // about 1000 : 1
  EXPECT_EQ(gzip_error(zeros), "no error");
  EXPECT_THAT(gzip_error(zeros, {.free_bytes = 1 << 20}), HasSubstr("200 times"));
  EXPECT_THAT(gzip_error(zeros, {.bytes = 4 << 20}), HasSubstr("more than 4194304 bytes"));
  EXPECT_EQ(gzip_error(gzipped(noise(3 << 20)), {.free_bytes = 1 << 20}), "no error");
}

}  // namespace
}  // namespace glossa
