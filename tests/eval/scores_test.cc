// Oracle: sums by hand.
#include "eval/scores.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "eval/forgetting_matrix.h"
#include "eval/language_code.h"

namespace glossa::eval {
namespace {

UtteranceResult result(const std::string& id, const std::string& lang, const std::string& reference,
                       const std::string& hypothesis, const std::string& tag = "") {
  UtteranceResult made;
  made.id = id;
  made.target_lang = lang;
  made.prompt_lang = "auto";
  made.reference = reference;
  made.hypothesis = hypothesis;
  made.language = tag;
  made.seconds = 2;
  score_texts(made, default_letter_languages());
  return made;
}

std::vector<UtteranceResult> corpus() {
  std::vector<UtteranceResult> results = {
      result("a", "de-DE", "Eins zwei drei. <de-DE>", "eins zwei drei", "de-DE"),
      result("b", "de-DE", "Vier", "", ""),
      result("c", "zh-CN", "你好吗", "你好", "zh-CN"),
      result("d", "", "foo bar", "foo bar baz"),
  };
  results[0].final_word_lag = 0.1;
  results[2].final_word_lag = 0.4;
  UtteranceResult broken;
  broken.id = "e";
  broken.target_lang = "de-DE";
  broken.error = "no such file";
  results.push_back(broken);
  return results;
}

TEST(ScoreTexts, RawAndNormalised) {
  const UtteranceResult one = result("a", "de-DE", "Eins zwei drei. <de-DE>", "eins zwei drei");
  EXPECT_EQ(one.raw.edits(), 2);  // Eins, drei.; the tag is not scored
  EXPECT_EQ(one.raw.reference_words, 3);
  EXPECT_EQ(one.normalized.edits(), 0);
  EXPECT_EQ(one.characters.reference_words, 14);
  const UtteranceResult chinese = result("c", "zh-CN", "你好吗？", "你好");
  EXPECT_EQ(chinese.raw.reference_words, 1);
  EXPECT_EQ(chinese.normalized.reference_words, 3);
  EXPECT_EQ(chinese.normalized.deletions, 1);
  EXPECT_EQ(chinese.characters, chinese.normalized);
  EXPECT_TRUE(result("x", "", "foo", "...").empty_output);
  EXPECT_FALSE(result("x", "", "...", "").empty_output);
}

TEST(ScoreByLanguage, SumsPerLanguageAndOfAll) {
  const auto scores = score_by_language(corpus(), "[56,3]");
  ASSERT_EQ(scores.size(), 4u);
  EXPECT_EQ(scores[0].language, "de-DE");
  EXPECT_EQ(scores[0].setting, "[56,3]");
  EXPECT_EQ(scores[0].utterances, 2);
  EXPECT_EQ(scores[0].unusable, 1);
  EXPECT_DOUBLE_EQ(scores[0].seconds, 4.0);
  EXPECT_DOUBLE_EQ(scores[0].normalized.rate(), 0.25);
  EXPECT_DOUBLE_EQ(scores[0].deletion_rate(), 0.25);
  EXPECT_DOUBLE_EQ(scores[0].empty_rate, 0.5);
  EXPECT_DOUBLE_EQ(scores[0].language_accuracy.value(), 0.5);
  EXPECT_DOUBLE_EQ(scores[0].final_word_lag.value(), 0.1);
  EXPECT_EQ(scores[1].language, "unknown");
  EXPECT_FALSE(scores[1].language_accuracy.has_value());
  EXPECT_DOUBLE_EQ(scores[1].insertion_rate(), 0.5);
  EXPECT_EQ(scores[2].language, "zh-CN");
  EXPECT_EQ(scores[3].language, "all");
  EXPECT_EQ(scores[3].utterances, 4);
  EXPECT_EQ(scores[3].normalized.edits(), 3);
  EXPECT_EQ(scores[3].normalized.reference_words, 9);
  EXPECT_DOUBLE_EQ(scores[3].final_word_lag.value(), 0.25);
  EXPECT_LE(scores[3].normalized_interval.low, 3.0 / 9);
  EXPECT_GE(scores[3].normalized_interval.high, 3.0 / 9);
}

TEST(ScoreByLanguage, DroppedPassagesAndLoops) {
  const std::vector<UtteranceResult> results = {
      result("a", "en-US", "one two three four five six seven eight nine ten", "one ten"),
      result("b", "en-US", "no way way", "no way way way way way"),  // three more than in the reference
      result("c", "en-US", "no way way", "Way, way! way way way way. Way?"),
      result("d", "en-US", "five five five five five five", "five five five five five five")};
  const Score score = score_by_language(results, "x")[0];
  EXPECT_DOUBLE_EQ(score.lost_rate(), 8.0 / 22);
  EXPECT_DOUBLE_EQ(score.loop_rate, 0.25);
}

TEST(ScoreByLanguage, OneLanguageNeedsNoSum) {
  const std::vector<UtteranceResult> one = {result("a", "en", "yes", "yes", "en-GB")};
  const auto scores = score_by_language(one, "x");
  ASSERT_EQ(scores.size(), 1u);
  EXPECT_DOUBLE_EQ(scores[0].language_accuracy.value(), 1.0);
  EXPECT_TRUE(score_by_language({}, "x").empty());
}

TEST(ScoreByLanguage, ALanguageThatWasToldIsNoGuess) {
  UtteranceResult told = result("a", "de-DE", "ja", "ja", "de-DE");
  told.prompt_lang = "de-DE";
  EXPECT_FALSE(score_by_language(std::vector{told}, "x")[0].language_accuracy.has_value());
}

TEST(ScoreByLanguage, WhereNothingIsSaid) {
  const std::vector<UtteranceResult> results = {result("a", "en-US", "", ""),
                                                result("b", "en-US", "...", "uh-huh yes", "en-US"),
                                                result("c", "en-US", "one", "one", "en-US")};
  const Score score = score_by_language(results, "x")[0];
  EXPECT_DOUBLE_EQ(score.false_text_rate.value(), 0.5);
  EXPECT_DOUBLE_EQ(score.language_accuracy.value(), 1.0) << "silence that stays empty is in no language";
  EXPECT_FALSE(score_by_language(std::span(results).last(1), "x")[0].false_text_rate.has_value());
  EXPECT_FALSE(score_by_language(std::span(results).first(1), "x")[0].language_accuracy.has_value());
}

TEST(CompareByLanguage, OnCommonUtterancesOnly) {
  std::vector<UtteranceResult> other = {
      result("b", "de-DE", "Vier", "vier"), result("c", "zh-CN", "你好吗", "你"),
      result("e", "de-DE", "Fünf", "fünf"), result("z", "de-DE", "Neun", "")};
  const auto compared =
      compare_by_language(common_utterances(corpus(), other, default_letter_languages()), "[56,3]");
  ASSERT_EQ(compared.size(), 3u);
  EXPECT_EQ(compared[0].language, "de-DE");
  EXPECT_EQ(compared[0].utterances, 1);
  EXPECT_DOUBLE_EQ(compared[0].rate, 1.0);
  EXPECT_DOUBLE_EQ(compared[0].baseline_rate, 0.0);
  EXPECT_DOUBLE_EQ(compared[0].paired.difference, 1.0);
  EXPECT_EQ(compared[1].language, "zh-CN");
  EXPECT_NEAR(compared[1].paired.difference, -1.0 / 3, 1e-12);
  EXPECT_EQ(compared[2].language, "all");
  EXPECT_EQ(compared[2].utterances, 2);
}

TEST(CompareByLanguage, TheNthOfAnIdIsTheOthersNth) {
  const std::vector<UtteranceResult> results = {result("a", "de-DE", "eins zwei", "eins"),
                                                result("a", "de-DE", "drei vier", "drei vier fünf sechs")};
  const auto compared =
      compare_by_language(common_utterances(results, results, default_letter_languages()), "[56,3]");
  ASSERT_EQ(compared.size(), 1u);
  EXPECT_EQ(compared[0].utterances, 2);
  EXPECT_EQ(compared[0].paired.difference, 0);
  EXPECT_EQ(compared[0].baseline_rate, 0.75);
}

TEST(CompareByLanguage, ReferencesAreTheSystems) {
  const std::vector<UtteranceResult> system = {result("a", "de-DE", "eins zwei", "eins zwei")};
  const std::vector<UtteranceResult> earlier = {result("a", "de-DE", "eins drei", "eins zwei")};
  const CommonUtterances common = common_utterances(system, earlier, default_letter_languages());
  EXPECT_EQ(common.baseline[0].reference, "eins zwei");
  EXPECT_EQ(compare_by_language(common, "[56,3]")[0].baseline_rate, 0);
}

TEST(SpelledCode, OneForThoseThatAPromptTableTakesAsOne) {
  for (const char* code : {"en-US", "en_us", "EN-US", "enUS"}) EXPECT_EQ(spelled_code(code), "en-US") << code;
  for (const char* code : {"ja", "JA"}) EXPECT_EQ(spelled_code(code), "ja") << code;
  for (const char* code : {"", "auto", "-", "en-", "zh-Hant", "x", "e1-US", "unknown"})
    EXPECT_EQ(spelled_code(code), code);
}

TEST(AnyLanguage, AutoWhereTheModelHasIt) {
  EXPECT_EQ(any_language({}), "auto");
  EXPECT_EQ(any_language({.languages = {{"de-DE", 0, {}}, {"x", 1, {"auto"}}}}), "auto");
  EXPECT_EQ(any_language({.languages = {{"de-DE", 0, {"de"}}, {"en-US", 1, {}}}}), "de-DE");
}

TEST(ForgettingMatrix, DifferencesToTheFirstRow) {
  ForgettingMatrix matrix({"de-DE", "zh-CN"});
  const auto scores = score_by_language(corpus(), "[56,3]");
  matrix.add_row("base", {0.5, 0.2});
  matrix.add_row("tuned", rates_of(scores, "[56,3]", matrix.languages()));
  matrix.add_row("later", {std::numeric_limits<double>::quiet_NaN(), 0.1});
  ASSERT_EQ(matrix.rows(), 3u);
  EXPECT_EQ(matrix.name(1), "tuned");
  EXPECT_DOUBLE_EQ(matrix.difference(1, 0), -0.25);
  EXPECT_NEAR(matrix.difference(1, 1), 1.0 / 3 - 0.2, 1e-12);
  EXPECT_TRUE(std::isnan(matrix.difference(2, 0)));
  EXPECT_TRUE(std::isnan(rates_of(scores, "[56,0]", matrix.languages())[0]));
  EXPECT_THROW(matrix.add_row("short", {0.5}), Error);
}

}  // namespace
}  // namespace glossa::eval
