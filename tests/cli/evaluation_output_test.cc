#include "cli/evaluation_output.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace glossa::cli {
namespace {

TEST(PhrasesToShow, ThoseMostOftenWrongComeFirstAndTheSumOfAllLast) {
  EvaluatedSetting setting;
  setting.phrases = {{.phrase = "found", .said = 9, .found = 9},
                     {.phrase = "missed", .said = 4, .found = 1},
                     {.phrase = "nowhere"},
                     {.phrase = "false", .not_said = 5},
                     {.phrase = "missed, too", .said = 3}};
  const auto shown = phrases_to_show(setting);
  std::vector<std::string> names;
  for (const eval::PhraseHits& phrase : shown) names.push_back(phrase.phrase);
  EXPECT_THAT(names, ::testing::ElementsAre("false", "missed", "missed, too", "found", "all 5, 4 shown"));
  EXPECT_EQ(shown.back().said, 16);
  EXPECT_EQ(shown.back().found, 10);
  EXPECT_EQ(shown.back().not_said, 5);
  EXPECT_TRUE(phrases_to_show({}).empty());
}

TEST(PhrasesToShow, AreNotMoreThanCanBeRead) {
  EvaluatedSetting setting;
  for (int index = 0; index < 60; ++index)
    setting.phrases.push_back({.phrase = std::to_string(index), .said = 1, .not_said = index});
  const auto shown = phrases_to_show(setting);
  ASSERT_EQ(shown.size(), 51u);
  EXPECT_EQ(shown[0].phrase, "59");
  EXPECT_EQ(shown[49].phrase, "10");
  EXPECT_EQ(shown[50].phrase, "all 60, 50 shown");
  EXPECT_EQ(shown[50].said, 60);
}

TEST(FormatPhrases, AlignsWhatIsNotAsciiAndShowsNoControls) {
  EvaluatedSetting setting;
  setting.name = "[56,3]";
  setting.phrases = {{.phrase = "Conceição\n", .said = 1, .found = 1}, {.phrase = "plain", .said = 1}};
  EvaluationRun run;
  run.settings = {setting};
  EXPECT_EQ(format_phrases(run),
            "\nsetting  boosted phrase  said  found  not said\n"
            "[56,3]   plain              1      0         0\n"
            "[56,3]   Conceição?         1      1         0\n"
            "[56,3]   all 2, 2 shown     2      1         0\n");
  run.settings[0].phrases.clear();
  EXPECT_EQ(format_phrases(run), "");
}

}  // namespace
}  // namespace glossa::cli
