#include "checkpoint/archive_writer.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <fstream>

#include "base/mapped_file.h"
#include "base/tar_reader.h"
#include "base/zip_reader.h"
#include "checkpoint/temporary_folder.h"
#include "glossa/error.hpp"

namespace glossa::checkpoint {
namespace {

using ::testing::HasSubstr;
using testing::TemporaryFolder;

std::string output_of(const std::string& command) {
  std::FILE* pipe = ::popen(command.c_str(), "r");
  std::string text;
  char buffer[4096];
  while (const std::size_t count = std::fread(buffer, 1, sizeof(buffer), pipe)) text.append(buffer, count);
  EXPECT_EQ(::pclose(pipe), 0) << command << '\n' << text;
  return text;
}

std::string text_of(const std::filesystem::path& path) {
  std::ifstream stream(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}

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
  EXPECT_EQ(output_of(std::string(GLOSSA_PYTHON " " GLOSSA_CHECK_NEMO " --zip ") + path.string()),
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
  EXPECT_EQ(text_of(path), "old");
  EXPECT_EQ(folder.files(), 1u);
  AtomicFile file(path);
  const std::string large(3'000'000, 'x');
  file.write(std::string_view("new "));
  file.write(large);
  EXPECT_EQ(text_of(path), "old");
  file.commit();
  EXPECT_EQ(text_of(path), "new " + large);
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
