#include "eval/phrase_hits.h"

#include <gtest/gtest.h>

namespace glossa::eval {
namespace {

UtteranceResult heard(const std::string& lang, const std::string& hypothesis, const std::string& reference) {
  UtteranceResult result;
  result.target_lang = lang;
  result.hypothesis = hypothesis;
  result.reference = reference;
  return result;
}

TEST(CountPhrases, TellsFoundFromFalse) {
  const std::vector<std::string> phrases = {"Ana Conceição", "Conceição", "never said"};
  std::vector<UtteranceResult> results = {
      heard("pt-BR", "a ana conceição, e Conceição", "A Ana Conceição e a Ana Conceição. <pt-BR>"),
      heard("pt-BR", "Conceição! Conceição?", "a conceição"), heard("", "ana", "Ana Conceição")};
  results.push_back(heard("pt-BR", "Conceição", "Conceição"));
  results.back().error = "no sound";
  const auto hits = count_phrases(results, phrases, {});
  ASSERT_EQ(hits.size(), 3u);
  EXPECT_EQ(hits[0].phrase, "Ana Conceição");
  EXPECT_EQ(hits[0].said, 3);
  EXPECT_EQ(hits[0].found, 1);
  EXPECT_EQ(hits[0].not_said, 0);
  EXPECT_EQ(hits[1].said, 4);
  EXPECT_EQ(hits[1].found, 3);
  EXPECT_EQ(hits[1].not_said, 1);
  EXPECT_EQ(hits[2].said + hits[2].found + hits[2].not_said, 0);
}

TEST(CountPhrases, AreWholeWordsAndLettersWhereThereAreNone) {
  const std::vector<std::string> phrases = {"AI", "北京"};
  const auto hits = count_phrases(std::vector{heard("en-US", "email of AI", "email of AI"),
                                              heard("zh-CN", "我在北 京发email。", "我在北京发email"),
                                              heard("zh-CN", "用AI吧", "用 A I 吧")},
                                  phrases, default_letter_languages());
  EXPECT_EQ(hits[0].said, 1);
  EXPECT_EQ(hits[0].found, 1);
  EXPECT_EQ(hits[0].not_said, 1);
  EXPECT_EQ(hits[1].said, 1);
  EXPECT_EQ(hits[1].found, 1);
}

TEST(CountPhrases, CountEachPlaceOnce) {
  const std::vector<std::string> phrases = {"ha ha", "Piraeus", "piraeus!", "of Piraeus"};
  const auto hits =
      count_phrases(std::vector{heard("", "ha ha ha, of piraeus", "ha ha ha ha of piraeus")}, phrases, {});
  EXPECT_EQ(hits[0].said, 2);
  EXPECT_EQ(hits[0].found, 1);
  EXPECT_EQ(hits[1].said, 1);
  EXPECT_EQ(hits[2].said, 0) << "the same as the one before";
  EXPECT_EQ(hits[3].said, 1) << "a place of its own: the other is within it";
}

TEST(CountPhrases, AnEmptyPhraseIsNowhere) {
  const auto hits = count_phrases(std::vector{heard("", "a b", "a b")}, std::vector<std::string>{"?!"}, {});
  EXPECT_EQ(hits[0].said, 0);
}

}  // namespace
}  // namespace glossa::eval
