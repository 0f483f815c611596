#include "cli/boost_options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "support/message_of.h"

namespace glossa::cli {
namespace {

using ::testing::HasSubstr;

class BoostFile : public ::testing::Test {
 protected:
  ~BoostFile() override { std::filesystem::remove(path_); }

  std::string write(const std::string& text) const {
    std::ofstream(path_) << text;
    return path_;
  }

  const std::string path_ =
      std::filesystem::temp_directory_path() / ("glossa_boost_file_" + std::to_string(::getpid()));
};

TEST_F(BoostFile, PhrasesWithAndWithoutTheirScore) {
  const std::string file = write("\xEF\xBB\xBFPiraeus\n\n# harbours\nNew York\t4.5\r\n  Sofia \t 1\n");
  const auto phrases = boosted_phrases({.phrases = {"Athens"}, .file = file, .score = 2});
  ASSERT_EQ(phrases.size(), 4u);
  EXPECT_EQ(phrases[0].text, "Athens");
  EXPECT_EQ(phrases[0].score, 2);
  EXPECT_EQ(phrases[1].text, "Piraeus");
  EXPECT_EQ(phrases[1].score, 2);
  EXPECT_EQ(phrases[2].text, "New York");
  EXPECT_EQ(phrases[2].score, 4.5f);
  EXPECT_EQ(phrases[3].text, "Sofia");
  EXPECT_EQ(phrases[3].score, 1);
}

TEST_F(BoostFile, WhatIsWrongWithIt) {
  const auto complaint = [](const std::string& file) -> std::string {
    return testing::message_of([&] { boosted_phrases({.phrases = {}, .file = file}); });
  };
  EXPECT_THAT(complaint(write("Athens\nSofia\tmuch\n")),
              HasSubstr("line 2: the boost is \"much\", expected a number"));
  EXPECT_THAT(complaint("/nowhere/phrases.txt"), HasSubstr("/nowhere/phrases.txt: no such file"));
  EXPECT_THAT(complaint("/dev/null"), HasSubstr("/dev/null: no such file, or it cannot be read"));
  EXPECT_THAT(complaint("/tmp"), HasSubstr("/tmp: no such file, or it cannot be read"));
}

}  // namespace
}  // namespace glossa::cli
