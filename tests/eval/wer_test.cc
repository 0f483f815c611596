#include "eval/wer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <string>
#include <vector>

namespace glossa::eval {
namespace {

// Oracle: the definition of the edit distance, by plain recursion.
int naive_distance(const std::vector<int>& heard, std::size_t h, const std::vector<int>& spoken,
                   std::size_t s) {
  if (h == heard.size()) return static_cast<int>(spoken.size() - s);
  if (s == spoken.size()) return static_cast<int>(heard.size() - h);
  if (heard[h] == spoken[s]) return naive_distance(heard, h + 1, spoken, s + 1);
  return 1 + std::min({naive_distance(heard, h + 1, spoken, s + 1), naive_distance(heard, h + 1, spoken, s),
                       naive_distance(heard, h, spoken, s + 1)});
}

TEST(WordEdits, AgreesWithTheDefinition) {
  std::mt19937 random(5);
  for (int round = 0; round < 2000; ++round) {
    const auto draw = [&] {
      std::vector<int> words(random() % 7);
      for (int& word : words) word = static_cast<int>(random() % 3);
      return words;
    };
    const auto join = [](const std::vector<int>& words) {
      std::string text;
      for (const int word : words) text += std::string(1, static_cast<char>('a' + word)) + " ";
      return text;
    };
    const std::vector<int> heard = draw();
    const std::vector<int> spoken = draw();
    const EditCounts edits = word_edits(join(heard), join(spoken));
    ASSERT_EQ(edits.edits(), naive_distance(heard, 0, spoken, 0)) << join(heard) << "| " << join(spoken);
    ASSERT_EQ(edits.reference_words, static_cast<std::int64_t>(spoken.size()));
    // Insertions and deletions together explain the difference in length.
    ASSERT_EQ(edits.insertions - edits.deletions,
              static_cast<std::int64_t>(heard.size()) - static_cast<std::int64_t>(spoken.size()));
  }
}

TEST(WordEdits, CountsEachKind) {
  const EditCounts edits = word_edits("a c x e f g", "a b c d e f");
  EXPECT_EQ(edits.substitutions, 1);
  EXPECT_EQ(edits.deletions, 1);
  EXPECT_EQ(edits.insertions, 1);
  EXPECT_DOUBLE_EQ(edits.rate(), 0.5);
}

TEST(WordEdits, NothingIsFolded) {
  EXPECT_EQ(word_edits("Hello, world.", "hello world").edits(), 2);
  EXPECT_EQ(word_edits("hi <en-US>", "hi").insertions, 1);
}

TEST(WordEdits, Empty) {
  EXPECT_EQ(word_edits("", "").rate(), 0.0);
  EXPECT_EQ(word_edits(" \t ", "a b").deletions, 2);
  EXPECT_TRUE(std::isinf(word_edits("a", "").rate()));
}

// Python: "...".split() for every character for which str.isspace() holds.
TEST(WordEdits, SplitsLikePython) {
  for (const char* space : {"\t",     "\n",     "\v",     "\f",     "\r",     "\x1c",   "\x1d",
                            "\x1e",   "\x1f",   " ",      "\u0085", "\u00a0", "\u1680", "\u2000",
                            "\u2005", "\u200a", "\u2028", "\u2029", "\u202f", "\u205f", "\u3000"}) {
    EXPECT_EQ(word_edits("", std::string(space) + "a" + space + space + "b").reference_words, 2);
  }
  for (const char* letter :
       {"\u00ad", "\u200b", "\u2060", "\ufeff", "\u180e", "\u0081", "\u3001", "\u2030"}) {
    EXPECT_EQ(word_edits("", std::string("a") + letter + "b").reference_words, 1);
  }
}

TEST(EditCounts, AddUp) {
  EditCounts total = word_edits("a b", "a c");
  total += word_edits("", "x y");
  EXPECT_EQ(total.edits(), 3);
  EXPECT_EQ(total.reference_words, 4);
  EXPECT_DOUBLE_EQ(total.rate(), 0.75);
}

}  // namespace
}  // namespace glossa::eval
