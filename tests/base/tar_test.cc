#include "base/tar_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/tar_builder.h"
#include "glossa/error.hpp"
#include "support/message_of.h"

namespace glossa {
namespace {

using ::testing::AllOf;
using testing::bytes_of;
using ::testing::HasSubstr;
using testing::TarBuilder;
using testing::text_of;

// "name=data" of each member. The oracle of these tests is the builder: POSIX.1-2001 pax(1), written out.
std::vector<std::string> tar_contents(const std::string& archive) {
  std::vector<std::string> result;
  for (const TarMember& member : read_tar(bytes_of(archive), "x.tar")) {
    result.push_back(member.name + "=" + text_of(member.bytes));
  }
  return result;
}

std::string tar_error(const std::string& archive) {
  return testing::message_of([&] { tar_contents(archive); }, ErrorCode::kBadInput, "x.tar");
}

TEST(Tar, MembersWithAndWithoutDot) {
  const auto archive = TarBuilder()
                           .member("./", "", '5')
                           .member("./a.txt", "alpha")
                           .member("b", "")
                           .member("d/./c", "c", '\0')
                           .finish();
  EXPECT_EQ(tar_contents(archive), (std::vector<std::string>{"a.txt=alpha", "b=", "d/c=c"}));
}

TEST(Tar, DataIsNotCopied) {
  const auto archive = TarBuilder().member("a", "alpha").finish();
  const auto members = read_tar(bytes_of(archive), "x.tar");
  EXPECT_EQ(static_cast<const void*>(members.at(0).bytes.data()), archive.data() + 512);
}

TEST(Tar, UstarPrefix) {
  const auto archive = TarBuilder().member("name", "1", '0', {345, "some/folder"}).finish();
  EXPECT_EQ(tar_contents(archive), std::vector<std::string>{"some/folder/name=1"});
}

TEST(Tar, PaxPathAndSize) {
  const std::string long_name(200, 'n');
  const auto archive = TarBuilder()
                           .pax("20 comment=harmless\n", 'g')
                           .pax("30 mtime=1700000000.123456789\n210 path=" + long_name + "\n")
                           .member("cut", "1")
                           .pax("9 size=4\n")
                           .member("sized", "four", '0', {124, "00000000000"})
                           .member("plain", "3")
                           .finish();
  EXPECT_EQ(tar_contents(archive), (std::vector<std::string>{long_name + "=1", "sized=four", "plain=3"}));
}

TEST(Tar, GnuLongNameAndBase256Size) {
  const std::string long_name = "./" + std::string(150, 'g');
  const auto archive =
      TarBuilder()
          .member("././@LongLink", long_name + std::string(1, '\0'), 'L')
          .member("cut", "x")
          .member("binary", "12345", '0', {124, std::string("\x80\0\0\0\0\0\0\0\0\0\0\x05", 12)})
          .finish();
  EXPECT_EQ(tar_contents(archive), (std::vector<std::string>{std::string(150, 'g') + "=x", "binary=12345"}));
}

TEST(Tar, RefusesNamesThatLeaveTheArchive) {
  EXPECT_THAT(tar_error(TarBuilder().member("/etc/passwd", "x").finish()),
              AllOf(HasSubstr("/etc/passwd"), HasSubstr("absolute")));
  EXPECT_THAT(tar_error(TarBuilder().member("./a/../../b", "x").finish()), HasSubstr("'..'"));
  EXPECT_THAT(tar_error(TarBuilder().pax("14 path=../up\n").member("b", "x").finish()), HasSubstr("'..'"));
  EXPECT_THAT(tar_error(TarBuilder().pax(std::string("12 path=a\0b\n", 12)).member("b", "x").finish()),
              HasSubstr("NUL"));
  EXPECT_THAT(tar_error(TarBuilder().member("./", "x").finish()), HasSubstr("unusable name"));
}

TEST(Tar, RefusesLinksDevicesAndSparseFiles) {
  for (const char type : {'1', '2', '3', '4', '6', 'S', 'V', 'Z'}) {
    EXPECT_THAT(tar_error(TarBuilder().member("odd", "", type).finish()),
                AllOf(HasSubstr("'odd'"), HasSubstr("expected regular")))
        << type;
  }
  EXPECT_THAT(tar_error(TarBuilder().pax("22 GNU.sparse.major=1\n").member("odd", "").finish()),
              HasSubstr("sparse"));
}

TEST(Tar, RefusesDuplicates) {
  EXPECT_THAT(tar_error(TarBuilder().member("a", "1").member("./a", "2").finish()),
              HasSubstr("'a' occurs twice"));
}

TEST(Tar, RefusesBadNumbers) {
  EXPECT_THAT(tar_error(TarBuilder().member("a", "1", '0', {124, "not octal!!"}).finish()),
              HasSubstr("no number"));
  EXPECT_THAT(tar_error(TarBuilder().member("a", "1", '0', {124, "00000000009"}).finish()),
              HasSubstr("no number"));
  EXPECT_THAT(tar_error(TarBuilder().member("a", "1", '0', {124, "77777777777"}).finish()),
              HasSubstr("truncated"));
  EXPECT_THAT(tar_error(TarBuilder().member("a", "1", '0', {124, std::string(12, '\xff')}).finish()),
              HasSubstr("no number"));
  const std::string most("\x80\0\0\0\x7f\xff\xff\xff\xff\xff\xff\xff",
                         12);  // rounding up to blocks would overflow
  EXPECT_THAT(tar_error(TarBuilder().member("a", "1", '0', {124, most}).finish()), HasSubstr("truncated"));
  EXPECT_THAT(tar_error(TarBuilder().pax("27 size=999999999999999999\n").member("a", "1").finish()),
              HasSubstr("truncated"));
  EXPECT_THAT(tar_error(TarBuilder().pax("12 size=-1\n\n\n").member("a", "1").finish()), HasSubstr("PAX"));
}

TEST(Tar, RefusesMalformedPaxRecords) {
  for (const char* records : {"x path=a\n", "100 path=a\n", "11 path=a\n", "3 \n", "0 path=a\n",
                              "10 path a\n", "12", "99999999999999999999 a=b\n"}) {
    EXPECT_THAT(tar_error(TarBuilder().pax(records).member("b", "x").finish()), HasSubstr("PAX")) << records;
  }
  EXPECT_THAT(tar_error(TarBuilder().pax(std::string((1 << 20) + 1, '\0')).finish()),
              HasSubstr("extended header"));
  EXPECT_THAT(tar_error(TarBuilder().pax("9 size=1\n", 'g').member("b", "x").finish()),
              HasSubstr("global PAX"));
}

TEST(Tar, RefusesWrongChecksum) {
  auto archive = TarBuilder().member("a", "1").finish();
  archive[0] = 'b';
  EXPECT_THAT(tar_error(archive), AllOf(HasSubstr("byte 0"), HasSubstr("checksum")));
  EXPECT_THAT(tar_error(std::string(2048, 'x')), HasSubstr("not a tar archive"));
}

TEST(Tar, EveryTruncationIsAnError) {
  const auto archive =
      TarBuilder().member("a", std::string(700, 'a')).pax("10 path=c\n").member("b", "2").finish();
  for (std::size_t length = 0; length < archive.size() - 512; ++length) {
    EXPECT_NE(tar_error(archive.substr(0, length)), "no error") << length;
  }
  EXPECT_THAT(tar_error(TarBuilder().member("a", "1").unfinished()), HasSubstr("end-of-archive"));
}

TEST(Tar, TheMembersBeforeADamageCanStillBeRead) {
  const auto archive = TarBuilder()
                           .member("a", std::string(700, 'a'))
                           .pax("10 path=c\n")
                           .member("b", "2")
                           .member("d", "")
                           .finish();
  const auto readable = [](const std::string& bytes) {
    std::vector<std::string> names;
    for (const TarMember& member : read_damaged_tar(bytes_of(bytes), "x.tar").members)
      names.push_back(member.name);
    return names;
  };
  // Where the blocks of each member end: a at 1536, its neighbour with the PAX name "c" at 3584, d at 4096.
  for (std::size_t length = 0; length <= archive.size(); ++length) {
    std::vector<std::string> expected;
    if (length >= 1536) expected.push_back("a");
    if (length >= 3584) expected.push_back("c");
    if (length >= 4096) expected.push_back("d");
    EXPECT_EQ(readable(archive.substr(0, length)), expected) << length;
  }
  EXPECT_EQ(read_damaged_tar(bytes_of(archive), "x.tar").damage, "");
  auto damaged = archive;
  damaged[3584] = 'x';
  EXPECT_EQ(readable(damaged), (std::vector<std::string>{"a", "c"}));
  EXPECT_EQ(read_damaged_tar(bytes_of(damaged), "x.tar").damage, tar_error(damaged));
}

TEST(Tar, FlippedHeaderBytesNeverCrash) {
  const auto good = TarBuilder().pax("10 path=c\n").member("b", "2").finish();
  for (std::size_t at = 0; at < good.size() - 1024; ++at) {
    auto archive = good;
    archive[at] = static_cast<char>(archive[at] ^ 0x41);
    const bool header = at < 512 || (at >= 1024 && at < 1536);
    if (header && at % 512 != 155) {                    // the blank after the checksum says nothing
      EXPECT_NE(tar_error(archive), "no error") << at;  // the checksum covers every other byte
    } else {
      tar_error(archive);
    }
  }
}

}  // namespace
}  // namespace glossa
