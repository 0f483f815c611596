#include "checkpoint/archive_writer.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <fstream>

#include "base/mapped_file.h"
#include "base/tar_reader.h"
#include "base/zip_reader.h"
#include "checkpoint/output_of.h"
#include "glossa/error.hpp"
#include "support/files.h"

namespace glossa::checkpoint {
namespace {

using ::testing::HasSubstr;
using testing::TemporaryFolder;

// Sizes and offsets beyond 32 bits, in a file full of holes. Oracles: our reader, and Python's zipfile.
TEST(StoredZip, BeyondFourGigabytes) {
  const TemporaryFolder folder;
  const auto path = folder / "big.zip";
  const std::uint64_t big = (std::uint64_t{9} << 29) + 3;  // 4.5 GiB
  const std::string small = "behind the big one";
  StoredZip zip;
  zip.add("m/data/0", big);
  zip.add("m/data/1", small.size());
  const std::uint64_t size = zip.size();

  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT, 0600);
  const auto put = [&](const std::string& bytes, std::uint64_t at) {
    ASSERT_EQ(::pwrite(fd, bytes.data(), bytes.size(), static_cast<off_t>(at)),
              static_cast<ssize_t>(bytes.size()));
  };
  const std::string first = zip.local_header(0, 0);
  const auto crc = crc32_of(std::as_bytes(std::span(small.data(), small.size())));
  const std::string second = zip.local_header(1, crc) + small;
  const std::string directory = zip.central_directory();
  put(first, 0);
  put(second, first.size() + big);
  put(directory, first.size() + big + second.size());
  EXPECT_EQ(size, first.size() + big + second.size() + directory.size());
  EXPECT_EQ(first.size() % 64, 0u);
  EXPECT_EQ((first.size() + big + second.size() - small.size()) % 64, 0u);
  ::close(fd);

  const MappedFile file(path);
  const auto entries = read_zip(file.bytes(), path.string());
  ASSERT_EQ(entries.size(), 2u);
  EXPECT_EQ(entries[0].bytes.size(), big);
  EXPECT_EQ(entries[1].bytes.size(), small.size());
  EXPECT_TRUE(crc_matches(entries[1]));
  EXPECT_EQ(testing::output_of(std::string(GLOSSA_PYTHON " " GLOSSA_CHECK_NEMO " --zip ") + path.string()),
            "m/data/0 4831838211 \nm/data/1 18 behind the big one\n");
}

// Beyond 8 GiB a size no longer fits the octal field. Oracle: the reader's refusal names the size it
// understood.
TEST(TarHeader, LongNamesAndLargeSizes) {
  const std::string name(120, 'n');
  std::string archive =
      tar_header(name, 3, '0') + "abc" + tar_padding(3) + tar_header("./", 0, '5') + std::string(1024, '\0');
  const auto members = read_tar(std::as_bytes(std::span(archive.data(), archive.size())), "x.tar");
  ASSERT_EQ(members.size(), 1u);
  EXPECT_EQ(members[0].name, name);
  EXPECT_EQ(members[0].bytes.size(), 3u);

  archive = tar_header("w", std::uint64_t{12'345'678'901}, '0') + std::string(1024, '\0');
  try {
    read_tar(std::as_bytes(std::span(archive.data(), archive.size())), "x.tar");
    FAIL();
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("12345678901 bytes"));
  }
}

TEST(AtomicFile, AppearsOnlyWhenCommitted) {
  const TemporaryFolder folder;
  const auto path = folder / "a.txt";
  std::ofstream(path) << "old";
  {
    AtomicFile file(path);
    file.write(std::string_view("new"));
  }
  EXPECT_EQ(testing::read_bytes(path), "old");
  EXPECT_EQ(folder.files(), 1u);
  AtomicFile file(path);
  const std::string large(3'000'000, 'x');
  file.write(std::string_view("new "));
  file.write(large);
  EXPECT_EQ(testing::read_bytes(path), "old");
  file.commit();
  EXPECT_EQ(testing::read_bytes(path), "new " + large);
  EXPECT_EQ(file.written(), large.size() + 4);
  EXPECT_EQ(folder.files(), 1u);
}

// A file-size limit stands in for a full disk.
TEST(AtomicFile, ARefusingDiskLeavesNothingBehind) {
  const TemporaryFolder folder;
  rlimit before{};
  ::getrlimit(RLIMIT_FSIZE, &before);
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  rlimit small = before;
  small.rlim_cur = 4096;
  ::setrlimit(RLIMIT_FSIZE, &small);
  std::string message;
  try {
    AtomicFile file(folder / "a.txt");
    file.write(std::string(100'000, 'x'));
    file.commit();
  } catch (const Error& error) {
    message = error.what();
  }
  ::setrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, handler);
  EXPECT_THAT(message, HasSubstr("a.txt: cannot write: "));
  EXPECT_EQ(folder.files(), 0u);
}

TEST(AtomicFile, WhatAKilledProcessLeftIsRemovedWhenTheFileIsBegunAgain) {
  const TemporaryFolder folder;
  const auto path = folder / "a.txt";
  const ::pid_t child = ::fork();
  if (child == 0) {
    AtomicFile file(path);
    file.write(std::string(3'000'000, 'x'));
    ::kill(::getpid(), SIGKILL);
  }
  ::waitpid(child, nullptr, 0);
  EXPECT_EQ(folder.files(), 1u);
  std::ofstream(folder / ".a.txt.4000000000-7.partial") << "of a process long gone";
  // Not of this file, or not ours.
  for (const char* other :
       {".a.txt.old.1-0.partial", ".b.txt.1-0.partial", ".a.txt.mine.partial", "a.txt.1-0.partial"})
    std::ofstream(folder / other) << "other";
  AtomicFile file(path);
  EXPECT_EQ(folder.files(), 5u);
  AtomicFile second(path);  // the first one lives
  EXPECT_EQ(folder.files(), 6u);
  second.write(std::string_view("second"));
  second.commit();
  file.write(std::string_view("first"));
  file.commit();
  EXPECT_EQ(testing::read_bytes(path), "first");
  EXPECT_EQ(folder.files(), 5u);
}

TEST(AtomicFile, LongNames) {
  const TemporaryFolder folder;
  std::string name(252, 'n');
  name += "\xe2\x82\xac";  // the euro sign: 255 bytes in all
  for (const std::string& good : {name, "x" + name.substr(0, 198) + name.substr(252) + name.substr(0, 50)}) {
    AtomicFile file(folder / good);
    file.write(std::string_view("long"));
    EXPECT_LT(file.flushed().filename().string().size(), 250u);
    file.commit();
    EXPECT_EQ(testing::read_bytes(folder / good), "long");
  }
  EXPECT_EQ(folder.files(), 2u);
  try {
    AtomicFile file(folder / ("n" + name));
    ADD_FAILURE() << "refused only after all is written";
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("too long"));
  }
}

// What a disk took before it refused goes to another file. A file-size limit stands in for a full disk.
TEST(AtomicFile, ACopyHasWhatWasWritten) {
  const TemporaryFolder folder;
  std::string text(5'000'000, '\0');
  for (std::size_t at = 0; at < text.size(); ++at) text[at] = static_cast<char>(at * at >> 7);
  AtomicFile file(folder / "a.txt");
  file.write(std::string_view(text).substr(0, 2'300'000));
  file.write(std::string_view(text).substr(2'300'000, 70'000));
  rlimit before{};
  ::getrlimit(RLIMIT_FSIZE, &before);
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  rlimit small = before;
  small.rlim_cur = 2'340'000;  // within the buffer
  ::setrlimit(RLIMIT_FSIZE, &small);
  EXPECT_THROW(file.write(std::string_view(text).substr(2'370'000)), Error);
  ::setrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, handler);
  for (const std::uint64_t size : {0, 1, 2'300'000, 2'345'678, 2'370'000}) {
    AtomicFile copy(folder / "b.txt");
    file.copy_to(copy, size);
    copy.commit();
    EXPECT_EQ(testing::read_bytes(folder / "b.txt"), text.substr(0, size));
  }
}

TEST(AtomicFile, UnusablePaths) {
  const TemporaryFolder folder;
  EXPECT_THROW(AtomicFile(folder / "missing/a.txt"), Error);
  std::filesystem::create_directory(folder / "taken");
  std::ofstream(folder / "taken/inside") << "x";
  AtomicFile file(folder / "taken");
  EXPECT_THROW(file.commit(), Error);
}

}  // namespace
}  // namespace glossa::checkpoint
