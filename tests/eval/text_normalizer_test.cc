// Oracle of the basic normaliser: Whisper's definition, worked out by hand for each case (Python: lower(),
// two re.sub(), unicodedata.normalize("NFKC"), categories M S P to spaces, white space joined).
#include "eval/text_normalizer.h"

#include <gtest/gtest.h>

namespace glossa::eval {
namespace {

TEST(NormalizeBasic, CasePunctuationAndSpace) {
  EXPECT_EQ(normalize_basic("  Hello,\tWORLD! "), "hello world");
  EXPECT_EQ(normalize_basic("¿Qué?  ¡Sí!"), "qué sí");
  EXPECT_EQ(normalize_basic("don't well-known 3,5 €"), "don t well known 3 5");
  EXPECT_EQ(normalize_basic("ΟΔΟΣ"), "οδος");  // at the end of a word
  EXPECT_EQ(normalize_basic(""), "");
  EXPECT_EQ(normalize_basic("..."), "");
}

TEST(NormalizeBasic, SpansGo) {
  EXPECT_EQ(normalize_basic("ja <de-DE> nein [lacht] (leise) doch"), "ja nein doch");
  EXPECT_EQ(normalize_basic("a <b] c"), "a c");      // either bracket closes either
  EXPECT_EQ(normalize_basic("a <b c"), "a b c");     // nothing closes: a symbol
  EXPECT_EQ(normalize_basic("a () b (c"), "a b c");  // an empty pair is no span
  EXPECT_EQ(normalize_basic("a (b (c) d)"), "a d");  // to the first that closes
  EXPECT_EQ(normalize_basic("x<y>z"), "xz");         // without a space
}

TEST(NormalizeBasic, CompatibilityForms) {
  EXPECT_EQ(normalize_basic("ＡＢＣ １２"), "abc 12");
  EXPECT_EQ(normalize_basic("ﬁn"), "fin");
  EXPECT_EQ(normalize_basic("cafe\u0301"), "café");  // composes
  EXPECT_EQ(normalize_basic("q\u0301a"), "q a");     // nothing to compose with: a mark is a space
  EXPECT_EQ(normalize_basic("\u0915\u093e\u092e"), "\u0915 \u092e");  // Hindi vowel sign, as in Whisper
  EXPECT_EQ(normalize_basic("a\xff"
                            "b"),
            "a b");  // not UTF-8
}

TEST(NormalizeEnglish, LightFolding) {
  EXPECT_EQ(normalize_english("Mr. Smith, uh, doesn’t owe $1,000."), "mister smith doesnt owe 1000");
  EXPECT_EQ(normalize_english("Um... café (laughs) [noise]"), "cafe");
  EXPECT_EQ(normalize_english("umbrella, 1,x"), "umbrella 1 x");
  // Documented as not folded.
  EXPECT_NE(normalize_english("twenty"), normalize_english("20"));
  EXPECT_NE(normalize_english("we're"), normalize_english("we are"));
}

TEST(SplitLetters, PerceivedCharacters) {
  EXPECT_EQ(split_letters("你好 吗"), "你 好 吗");
  EXPECT_EQ(split_letters("e\u0301a"), "e\u0301 a");
  EXPECT_EQ(split_letters(""), "");
}

TEST(NormalizeForScoring, ByLanguage) {
  const auto letters = default_letter_languages();
  EXPECT_EQ(normalize_for_scoring("你好，吗？ <zh-CN>", "zh-CN", letters), "你 好 吗");
  EXPECT_EQ(normalize_for_scoring("I don't.", "en-US", letters), "i dont");
  EXPECT_EQ(normalize_for_scoring("I don't.", "de-DE", letters), "i don t");
  EXPECT_EQ(normalize_for_scoring("안녕 하세요", "ko-KR", letters), "안녕 하세요");
  const std::vector<std::string> korean = {"ko"};
  EXPECT_EQ(normalize_for_scoring("안녕", "ko-KR", korean), "안 녕");
  EXPECT_FALSE(is_of_language("zho-CN", letters));
  EXPECT_FALSE(is_of_language("", letters));
}

}  // namespace
}  // namespace glossa::eval
