#include "base/zip_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/tar_builder.h"
#include "base/zip_builder.h"
#include "glossa/error.hpp"
#include "support/message_of.h"

namespace glossa {
namespace {

using ::testing::AllOf;
using testing::build_zip;
using testing::bytes_of;
using ::testing::HasSubstr;
using testing::text_of;

// The oracle of these tests is the builder: the fields of APPNOTE.TXT 6.3, written out.
std::vector<std::string> zip_contents(const std::string& archive) {
  std::vector<std::string> result;
  for (const ZipEntry& entry : read_zip(bytes_of(archive), "x.zip"))
    result.push_back(entry.name + "=" + text_of(entry.bytes));
  return result;
}

std::string zip_error(const std::string& archive) {
  return testing::message_of([&] { zip_contents(archive); }, ErrorCode::kBadInput, "x.zip");
}

TEST(Zip, SizesComeFromTheCentralDirectory) {
  EXPECT_EQ(
      zip_contents(build_zip({{"w/data.pkl", "pickle"}, {"w/data/0", ""}, {"w/", ""}, {"w/version", "3\n"}})),
      (std::vector<std::string>{"w/data.pkl=pickle", "w/data/0=", "w/version=3\n"}));
  EXPECT_TRUE(zip_contents(build_zip({})).empty());
}

TEST(Zip, Zip64) {
  const auto archive =
      build_zip({{"a", "first"}, {.name = "b", .data = "second", .zip64 = true}}, {.zip64_end = true});
  EXPECT_EQ(zip_contents(archive), (std::vector<std::string>{"a=first", "b=second"}));
}

TEST(Zip, ACommentMayFollow) {
  EXPECT_EQ(zip_contents(build_zip({{"a", "1"}}, {.comment = "hello PK\x05\x06 world"})),
            std::vector<std::string>{"a=1"});
}

// CRC-32 of "123456789" is the check value of the polynomial: 0xcbf43926.
TEST(Zip, CrcTellsDamage) {
  auto archive = build_zip({{.name = "a", .data = "123456789", .crc32 = 0xcbf43926}});
  EXPECT_TRUE(crc_matches(read_zip(bytes_of(archive), "x.zip").at(0)));
  archive[archive.find("123456789")] = '0';
  EXPECT_FALSE(crc_matches(read_zip(bytes_of(archive), "x.zip").at(0)));
}

TEST(Zip, RefusesWhatItCannotRead) {
  EXPECT_THAT(zip_error(build_zip({{.name = "a", .data = "1", .method = 8}})),
              AllOf(HasSubstr("'a' is compressed"), HasSubstr("method 8")));
  EXPECT_THAT(zip_error(build_zip({{.name = "a", .data = "1", .flags = 1}})), HasSubstr("encrypted"));
  EXPECT_THAT(zip_error(build_zip({{"a", "1"}, {"a", "2"}})), HasSubstr("'a' occurs twice"));
  EXPECT_THAT(zip_error(std::string(1000, 'x')), HasSubstr("not a zip archive"));
  EXPECT_THAT(zip_error(""), HasSubstr("not a zip archive"));
}

TEST(Zip, RefusesRangesOutsideTheData) {
  EXPECT_THAT(zip_error(build_zip({{.name = "a", .data = "1", .extra_size = 1}})), HasSubstr("does not fit"));
  EXPECT_THAT(zip_error(build_zip({{.name = "a", .data = "1", .extra_size = 0xfffffff0}})),
              HasSubstr("does not fit"));
  EXPECT_THAT(
      zip_error(build_zip({{.name = "a", .data = "1", .zip64 = true, .extra_size = ~std::uint64_t{0} - 1}})),
      HasSubstr("does not fit"));
  EXPECT_THAT(zip_error(build_zip({{.name = "a", .data = "1", .extra_offset = 1}})),
              HasSubstr("no local header"));
  EXPECT_THAT(
      zip_error(build_zip({{.name = "a", .data = "1", .zip64 = true, .extra_offset = ~std::uint64_t{0}}})),
      HasSubstr("no local header"));
  EXPECT_THAT(zip_error(build_zip({{.name = "a", .data = "1", .local_name = "b"}})), HasSubstr("named 'b'"));
}

TEST(Zip, RefusesOverlaps) {
  // The first entry claims the bytes of the second.
  EXPECT_THAT(zip_error(build_zip({{.name = "a", .data = "1", .extra_size = 20}, {"b", "2"}})),
              AllOf(HasSubstr("'a'"), HasSubstr("overlap")));
}

TEST(Zip, RefusesAbsurdDirectories) {
  EXPECT_THAT(zip_error(build_zip({{"a", "1"}}, {.extra_entries = 1})), HasSubstr("do not fit"));
  EXPECT_THAT(zip_error(build_zip({{"a", "1"}}, {.zip64_end = true, .extra_entries = ~std::uint64_t{0} - 7})),
              HasSubstr("do not fit"));
  EXPECT_THAT(zip_error(build_zip({{"a", "1"}}, {.extra_directory_offset = 1})),
              HasSubstr("central directory"));
  EXPECT_THAT(zip_error(build_zip({{"a", "1"}},
                                  {.zip64_end = true, .extra_directory_offset = ~std::uint64_t{0} - 9})),
              HasSubstr("central directory"));
}

TEST(Zip, TruncationsAndFlipsNeverCrash) {
  const auto good =
      build_zip({{"a", "first"}, {.name = "b", .data = "second", .zip64 = true}}, {.zip64_end = true});
  for (std::size_t length = 0; length < good.size(); ++length)
    EXPECT_NE(zip_error(good.substr(0, length)), "no error") << length;
  for (std::size_t at = 0; at < good.size(); ++at) {
    for (const int flip : {0x01, 0x80, 0xff}) {
      auto archive = good;
      archive[at] = static_cast<char>(archive[at] ^ flip);
      zip_error(archive);
    }
  }
}

}  // namespace
}  // namespace glossa
