#include "serve/punctuation.h"

#include <gtest/gtest.h>

namespace glossa::serve {
namespace {

TEST(Punctuation, OfManyScripts) {
  EXPECT_EQ(without_punctuation("Hello, World! How are you?", "en-US"), "hello world how are you");
  EXPECT_EQ(without_punctuation("Don't — it’s a well-known \"trick\" - isn't it…", ""),
            "don't it’s a well-known trick isn't it");
  EXPECT_EQ(without_punctuation("At 3.5 %, 10:30, 1,000 & U.S.", "en-US"), "at 3.5 % 10:30 1,000 & us");
  EXPECT_EQ(without_punctuation("¿Qué? ¡No!", "es-ES"), "qué no");
  EXPECT_EQ(without_punctuation("你好，世界。", "zh-CN"), "你好世界");
  EXPECT_EQ(without_punctuation("नमस्ते। कैसे हैं?", "hi-IN"), "नमस्ते कैसे हैं");
  EXPECT_EQ(without_punctuation("ما اسمك؟ نعم، هو", "ar-AR"), "ما اسمك نعم هو");
  EXPECT_EQ(without_punctuation("«Привет», — сказал он.", "ru-RU"), "привет сказал он");
  EXPECT_EQ(without_punctuation("ISPARTA ILICA", "tr-TR"), "ısparta ılıca");
  EXPECT_EQ(without_punctuation(" ,. ", ""), "");
  EXPECT_EQ(without_punctuation("", ""), "");
}

TEST(Punctuation, AtTheBeginning) {
  EXPECT_EQ(without_leading_marks("two. three."), "two. three.");
  EXPECT_EQ(without_leading_marks(", two"), "two");
  EXPECT_EQ(without_leading_marks(". ¿Qué?"), "¿Qué?");
  EXPECT_EQ(without_leading_marks("... (\"two\")"), "(\"two\")");
  EXPECT_EQ(without_leading_marks("\" two"), "two");
  EXPECT_EQ(without_leading_marks(".\" \"Two\""), "\"Two\"");
  EXPECT_EQ(without_leading_marks("“ und"), "und");  // German's closing one
  EXPECT_EQ(without_leading_marks("。「三」"), "「三」");
  EXPECT_EQ(without_leading_marks(" 's"), "'s");
  EXPECT_EQ(without_leading_marks("\xff."), "\xff.");
  EXPECT_EQ(without_leading_marks(" «"), "");
  EXPECT_EQ(without_leading_marks(""), "");
}

}  // namespace
}  // namespace glossa::serve
