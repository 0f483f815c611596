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
  for (const ComparedPhrase& phrase : shown) names.push_back(phrase.system.phrase);
  EXPECT_THAT(names, ::testing::ElementsAre("false", "missed", "missed, too", "found", "all 5, 4 shown"));
  EXPECT_EQ(shown.back().system.said, 16);
  EXPECT_EQ(shown.back().system.found, 10);
  EXPECT_EQ(shown.back().system.not_said, 5);
  EXPECT_TRUE(phrases_to_show(EvaluatedSetting()).empty());
}

TEST(PhrasesToShow, AreNotMoreThanCanBeRead) {
  EvaluatedSetting setting;
  for (int index = 0; index < 60; ++index)
    setting.phrases.push_back({.phrase = std::to_string(index), .said = 1, .not_said = index});
  const auto shown = phrases_to_show(setting);
  ASSERT_EQ(shown.size(), 51u);
  EXPECT_EQ(shown[0].system.phrase, "59");
  EXPECT_EQ(shown[49].system.phrase, "10");
  EXPECT_EQ(shown[50].system.phrase, "all 60, 50 shown");
  EXPECT_EQ(shown[50].system.said, 60);
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

eval::UtteranceResult result(const std::string& id, const std::string& reference,
                             const std::string& hypothesis) {
  eval::UtteranceResult result;
  result.id = id;
  result.reference = reference;
  result.hypothesis = hypothesis;
  return result;
}

TEST(Compare, CountsPhrasesWhereBothHaveTheUtterance) {
  EvaluatedSetting setting;
  setting.name = "[56,3]";
  setting.utterances = {result("a", "to Piraeus", "to Piraeus"), result("b", "to pray", "to Piraeus"),
                        result("c", "Piraeus", "Piraeus")};
  setting.phrases = {{.phrase = "Piraeus", .said = 2, .found = 2, .not_said = 1}};
  EvaluationRun run;
  run.settings = {setting};
  const auto comparison =
      compare(run, "plain", {{result("a", "to Piraeus", "to pray"), result("b", "to pray", "to pray")}}, {});
  EXPECT_EQ(format_phrases(run, comparison),
            "\nsetting  boosted phrase  said  found  baseline  not said  baseline\n"
            "[56,3]   Piraeus            1      1         0         1         0\n"
            "[56,3]   all 1, 1 shown     1      1         0         1         0\n");
}

}  // namespace
}  // namespace glossa::cli
