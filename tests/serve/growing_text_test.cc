#include "serve/growing_text.h"

#include <gtest/gtest.h>

namespace glossa::serve {
namespace {

TEST(GrowingText, TheLastWordWaits) {
  GrowingText told;
  EXPECT_EQ(told.delta("One", false), "");
  EXPECT_EQ(told.delta("One tw", false), "One");
  EXPECT_EQ(told.delta("One two th", false), " two");
  EXPECT_EQ(told.delta("One two three.", true), " three.");
  EXPECT_EQ(told.delta("Another one", false), "") << "what was told is not its beginning";
}

TEST(GrowingText, TheLastLetterWaitsWhereThereAreNoSpaces) {
  GrowingText told;
  EXPECT_EQ(told.delta("今", false), "");
  EXPECT_EQ(told.delta("今日は", false), "今日");
  EXPECT_EQ(told.delta("今日は晴れ。", false), "は晴れ");
  EXPECT_EQ(told.delta("今日は晴れ。", true), "。");
  GrowingText thai;
  EXPECT_EQ(thai.delta("สวัส", false), "สวั");
  GrowingText korean;
  EXPECT_EQ(korean.delta("안녕하", false), "");
  EXPECT_EQ(korean.delta("안녕하세요 여", false), "안녕하세요");
}

TEST(GrowingText, PiecesAreJoinedAsTheirScriptHasIt) {
  EXPECT_EQ(joined("", "One."), "One.");
  EXPECT_EQ(joined("One.", "Two."), "One. Two.");
  EXPECT_EQ(joined("今日は。", "晴れ。"), "今日は。晴れ。");
  EXPECT_EQ(joined("今日は。", "One."), "今日は。 One.");
}

}  // namespace
}  // namespace glossa::serve
