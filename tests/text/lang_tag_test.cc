#include "text/lang_tag.h"

#include <gtest/gtest.h>

#include <string>

#include "text/text_support.h"

namespace glossa::text {
namespace {

TEST(LangTag, KnowsTags) {
  EXPECT_EQ(lang_of_tag("<en-US>"), "en-US");
  EXPECT_EQ(lang_of_tag("<fil-PH>"), "fil-PH");
  EXPECT_EQ(lang_of_tag("<en-us>"), "en-us");
  for (const char* other : {"", "<", "<>", "<unk>", "<en-US", "en-US>", "<EN-US>", "<e-US>", "<engl-US>",
                            "<en_US>", "<en-USA>", "<en-U1>", "<0x41>", "▁<en-US>", "<e1-US>", "<en-US>>"}) {
    EXPECT_FALSE(is_lang_tag(other)) << other;
  }
}

TEST(LangTag, ListsTheTagsOfAVocabulary) {
  testing::TestModel model{.pieces = {{"<unk>", 0, PieceType::kUnknown},
                                      {"a", -1},
                                      {"<en-US>", 0, PieceType::kUserDefined},
                                      {"<de-DE>", -1}}};
  const SentencePiece tokenizer = testing::parse_tokenizer(model.serialize());
  EXPECT_EQ(lang_tags_of(tokenizer), (std::vector<std::string>{"", "", "en-US", "de-DE"}));
}

// Oracle: Python's re.sub(r"\s*<[a-z]{2}-[A-Z]{2}>", "", text).
TEST(StripLangTags, EqualsThePattern) {
  const std::pair<std::string, std::string> cases[] = {
      {"", ""},
      {"plain text ", "plain text "},
      {"A. <en-US> B", "A. B"},
      {"A.<en-US>B", "A.B"},
      {"<en-US>", ""},
      {" \t\n<en-US> x", " x"},
      {"a <en-US><de-DE> <fr-FR>", "a"},
      {"a <en-us> b <fil-PH> <EN-US>", "a <en-us> b <fil-PH> <EN-US>"},
      {"a <<en-US>>", "a <>"},
      {"a <en-US", "a <en-US"},
      {"a\xC2\xA0\xE3\x80\x80<ja-JP>b", "ab"},    // U+00A0, U+3000
      {"a\x1C<ja-JP>", "a"},                      // Python counts the separators as white space
      {"a\xE2\x80\x8B<ja-JP>", "a\xE2\x80\x8B"},  // a zero-width space is none
      {"\xE5\x90\x97? <zh-CN> \xE4\xBD\xA0", "\xE5\x90\x97? \xE4\xBD\xA0"},
      {"<e<en-US>n-US>", "<en-US>"},  // one pass
      {"bad \xFF <en-US>\xC3", "bad \xFF\xC3"},
  };
  for (const auto& [text, expected] : cases) EXPECT_EQ(strip_lang_tags(text), expected) << text;
}

TEST(StripLangTags, IsLinear) {
  std::string text(1'000'000, ' ');
  for (int tag = 0; tag < 100'000; ++tag) text += " <en-US>";
  EXPECT_EQ(strip_lang_tags(text), "");
}

}  // namespace
}  // namespace glossa::text
