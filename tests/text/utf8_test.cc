// White space and marks around a text.
#include "text/utf8.h"

#include <gtest/gtest.h>

namespace glossa::text {
namespace {

TEST(Utf8, TrimsWhatPythonCallsWhiteSpace) {
  EXPECT_EQ(trimmed(" \t\r\n\xC2\xA0\xE3\x80\x80zwei Worte\xE2\x80\x83\n"), "zwei Worte");
  EXPECT_EQ(trimmed("\xE4\xBD\xA0"), "\xE4\xBD\xA0");
  EXPECT_EQ(trimmed(" \n"), "");
  EXPECT_EQ(trimmed(""), "");
  EXPECT_EQ(trimmed(" \xFF "), "\xFF");  // no character, but no space either
}

TEST(Utf8, MakesRunsOfWhiteSpaceOneSpace) {
  EXPECT_EQ(with_single_spaces("\n one\t\r\n two\xC2\xA0\xE3\x80\x80three "), "one two three");
  EXPECT_EQ(with_single_spaces(" \t"), "");
}

TEST(Utf8, TakesOneByteOrderMarkOff) {
  EXPECT_EQ(without_byte_order_mark("\xEF\xBB\xBFtext"), "text");
  EXPECT_EQ(without_byte_order_mark("\xEF\xBB\xBF\xEF\xBB\xBF"), "\xEF\xBB\xBF");
  EXPECT_EQ(without_byte_order_mark("te\xEF\xBB\xBFxt"), "te\xEF\xBB\xBFxt");
}

}  // namespace
}  // namespace glossa::text
