#include "data/manifest.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>

#include "glossa/error.hpp"
#include "support/message_of.h"

namespace glossa::data {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;

class Manifest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = (fs::temp_directory_path() / "glossa-manifest-XXXXXX").string();
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    folder_ = name;
  }
  void TearDown() override { fs::remove_all(folder_); }

  std::vector<ManifestEntry> read(const std::string& text) {
    std::ofstream(folder_ / "m.json", std::ios::binary) << text;
    return read_manifest(folder_ / "m.json");
  }

  std::string error_of(const std::string& text) {
    return testing::message_of([&] { read(text); });
  }

  fs::path folder_;
};

TEST_F(Manifest, ReadsWhatNeMoWrites) {
  const auto entries = read(
      "{\"audio_filepath\": \"clips/a.wav\", \"duration\": 2.5, \"text\": \"\\u039a\\u03b1\\u03bb\\u03ac\", "
      "\"target_lang\": \"el-GR\", \"lang\": \"el\"}\n"
      "{\"audio_filepath\": \"/data/b.flac\", \"offset\": 1, \"duration\": 3, \"lang\": \"de-DE\", "
      "\"speaker\": 4}\n");
  ASSERT_EQ(entries.size(), 2u);
  EXPECT_EQ(entries[0].audio_filepath, folder_ / "clips/a.wav");
  EXPECT_EQ(entries[0].duration, 2.5);
  EXPECT_EQ(entries[0].offset, std::nullopt);
  EXPECT_EQ(entries[0].text, "Καλά");
  EXPECT_EQ(entries[0].target_lang, "el-GR");
  EXPECT_EQ(entries[0].line, 1);
  EXPECT_EQ(entries[1].audio_filepath, "/data/b.flac");
  EXPECT_EQ(entries[1].offset, 1.0);
  EXPECT_EQ(entries[1].text, std::nullopt);
  EXPECT_EQ(entries[1].target_lang, "de-DE");
  EXPECT_EQ(entries[1].line, 2);
}

TEST_F(Manifest, PassesOverBlankLinesAndSkippedEntries) {
  const auto entries = read(
      "\xEF\xBB\xBF{\"audio_filepath\": \"a\", \"text\": null}\r\n\r\n  \n"
      "{\"audio_filepath\": \"b\", \"_skipme\": true}\n"
      "{\"audio_filepath\": \"c\", \"_skipme\": false}");
  ASSERT_EQ(entries.size(), 2u);
  EXPECT_EQ(entries[0].text, std::nullopt);
  EXPECT_EQ(entries[1].audio_filepath.filename(), "c");
  EXPECT_EQ(entries[1].line, 5);
}

TEST_F(Manifest, MayBeEmpty) { EXPECT_TRUE(read("").empty()); }

TEST_F(Manifest, RelativeToItsOwnFolderFromAnywhere) {
  std::ofstream(folder_ / "m.json") << "{\"audio_filepath\": \"../x/a.wav\"}";
  const fs::path before = fs::current_path();
  fs::current_path(folder_);
  const auto entries = read_manifest("m.json");
  fs::current_path(before);
  EXPECT_EQ(entries.at(0).audio_filepath, folder_.parent_path() / "x/a.wav");
}

TEST_F(Manifest, ErrorsNameFileAndLine) {
  const std::string good = "{\"audio_filepath\": \"a\"}\n";
  EXPECT_THAT(error_of(good + "{\"audio_filepath\": "), AllOf(HasSubstr("m.json:2"), HasSubstr("not JSON")));
  EXPECT_THAT(error_of("version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n"),
              HasSubstr("m.json: a Git LFS pointer"));
  EXPECT_THAT(error_of(good + good + "[1]"), AllOf(HasSubstr("m.json:3"), HasSubstr("array")));
  EXPECT_THAT(error_of("{\"text\": \"a\"}"), AllOf(HasSubstr("m.json:1"), HasSubstr("audio_filepath")));
  EXPECT_THAT(error_of("{\"audio_filepath\": 5}"), HasSubstr("must be a string (got 5)"));
  EXPECT_THAT(error_of("{\"audio_filepath\": \"a\", \"duration\": \"2\"}"), HasSubstr("\"duration\""));
  EXPECT_THAT(error_of("{\"audio_filepath\": \"a\", \"offset\": -1}"), HasSubstr("0 or more"));
  EXPECT_THAT(error_of("{\"audio_filepath\": \"a\", \"offset\": 1e999}"), HasSubstr("m.json:1"));
  EXPECT_THAT(error_of("{\"audio_filepath\": \"a\xff\"}"), HasSubstr("m.json:1"));
  EXPECT_THROW(read_manifest(folder_ / "none.json"), Error);
  EXPECT_THROW(read_manifest(folder_), Error);
}

}  // namespace
}  // namespace glossa::data
