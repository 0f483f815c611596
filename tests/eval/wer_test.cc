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

TEST(WordEdits, TellsDroppedPassagesFromMissedWords) {
  EXPECT_EQ(word_edits("a b", "a x x x x b").lost, 0);
  EXPECT_EQ(word_edits("a b", "a x x x x x b").lost, 5);
  EXPECT_EQ(word_edits("a b", "a 1 2 3 4 5 6 7 b").lost, 7);
  EXPECT_EQ(word_edits("", "1 2 3 4 5 6").lost, 6);
  EXPECT_EQ(word_edits("c d e f g h", "1 2 3 4 5 c d e f g h 1 2 3 4 5 6").lost, 11) << "two of them";
  EXPECT_EQ(word_edits("a b c d", "1 a 2 b 3 c 4 d 5").lost, 0) << "five, but none in a row";
  EXPECT_EQ(word_edits("1 2 3 4 5 6", "").lost, 0);
  EXPECT_EQ(word_edits("x the y", "x the a b c the d e f y").lost, 7) << "not split by the word that recurs";
  EXPECT_EQ(word_edits("a b", "a x x x x x b", /*passage=*/6).lost, 0);
  EXPECT_EQ(char_edits("a", "abcdefgh").lost, 0) << "of words alone";
  EditCounts sum = word_edits("a b", "a x x x x x b");
  sum += word_edits("", "1 2 3 4 5 6");
  EXPECT_EQ(sum.lost, 11);
}

// Oracle: the definition, over an alignment.
std::int64_t lost_words(const std::vector<AlignedWord>& aligned) {
  std::int64_t lost = 0;
  std::int64_t run = 0;
  for (const AlignedWord& pair : aligned) {
    run = pair.edit == Edit::kDeletion ? run + 1 : 0;
    if (run >= kPassage) lost += run == kPassage ? run : 1;
  }
  return lost;
}

TEST(WordEdits, LostWordsAreThoseOfTheAlignment) {
  std::mt19937 random(7);
  for (int round = 0; round < 500; ++round) {
    std::string spoken;
    std::string heard;
    for (int word = 0; word < 60; ++word) {
      const std::string next = std::string(1, static_cast<char>('a' + random() % 20)) + " ";
      spoken += next;
      if ((word / 12) % 2 == 0 && random() % 6 > 0) heard += next;
    }
    ASSERT_EQ(word_edits(heard, spoken).lost, lost_words(align_words(heard, spoken)))
        << heard << "| " << spoken;
  }
}

TEST(LongestLoop, IsWhatComesAgainAndAgain) {
  EXPECT_EQ(longest_loop(""), 0);
  EXPECT_EQ(longest_loop("way"), 0);
  EXPECT_EQ(longest_loop("no way way way way"), 3);
  EXPECT_EQ(longest_loop("well I see I see  I see that"), 4);
  EXPECT_EQ(longest_loop("thank you very much thank you very much thank you"), 6)
      << "the last round is cut off";
  EXPECT_EQ(longest_loop("thank you very much thank you very"), 0) << "not one whole round again";
  EXPECT_EQ(longest_loop("the the cat is is on my my red red mat"), 1) << "a stutter is no loop";
  EXPECT_EQ(longest_loop("a b c d e f g h a b c d e f g h"), 8);
  EXPECT_EQ(longest_loop("a b c d e f g h i a b c d e f g h i"), 0) << "nine words are another sentence";
  EXPECT_EQ(longest_loop("no more no less"), 0);
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

// Oracle: the definition, over the bytes of ASCII text.
TEST(CharEdits, AgreesWithTheDefinition) {
  std::mt19937 random(6);
  for (int round = 0; round < 500; ++round) {
    const auto draw = [&] {
      std::string text(random() % 7, ' ');
      for (char& letter : text) letter = static_cast<char>('a' + random() % 3);
      return text;
    };
    const std::string heard = draw();
    const std::string spoken = draw();
    const EditCounts edits = char_edits(heard, spoken);
    ASSERT_EQ(edits.edits(),
              naive_distance({heard.begin(), heard.end()}, 0, {spoken.begin(), spoken.end()}, 0))
        << heard << "|" << spoken;
    ASSERT_EQ(edits.reference_words, static_cast<std::int64_t>(spoken.size()));
  }
}

TEST(CharEdits, CountsCharactersNotBytes) {
  const EditCounts edits = char_edits("Grüsse", "Grüße");  // ß: two letters instead of one
  EXPECT_EQ(edits.edits(), 2);
  EXPECT_EQ(edits.reference_words, 5);
  EXPECT_EQ(char_edits("犬", "猫").substitutions, 1);
}

TEST(CharEdits, SpaceIsOneCharacterHoweverLong) {
  EXPECT_EQ(char_edits(" a \t\u3000 b ", "a b").edits(), 0);
  EXPECT_EQ(char_edits("a b", "a b").reference_words, 3);
  EXPECT_EQ(char_edits("ab", "a b").deletions, 1);
}

// The alignment is one of both texts, in order, and is what word_edits() counted.
TEST(AlignWords, IsTheCountedAlignment) {
  std::mt19937 random(7);
  for (int round = 0; round < 1000; ++round) {
    const auto draw = [&] {
      std::string text;
      for (std::size_t left = random() % 9; left > 0; --left)
        text += std::string(1, static_cast<char>('a' + random() % 4)) + " ";
      return text;
    };
    const std::string heard = draw();
    const std::string spoken = draw();
    EditCounts counted;
    std::string heard_again;
    std::string spoken_again;
    const std::vector<AlignedWord> aligned = align_words(heard, spoken);
    counted.lost = lost_words(aligned);
    for (const AlignedWord& pair : aligned) {
      if (!pair.hypothesis.empty()) heard_again += pair.hypothesis + " ";
      if (!pair.reference.empty()) spoken_again += pair.reference + " ";
      if (pair.edit != Edit::kInsertion) ++counted.reference_words;
      if (pair.edit == Edit::kMatch) {
        ASSERT_EQ(pair.hypothesis, pair.reference);
      }
      if (pair.edit == Edit::kSubstitution) {
        ++counted.substitutions;
        ASSERT_NE(pair.hypothesis, pair.reference);
      }
      if (pair.edit == Edit::kDeletion) ++counted.deletions;
      if (pair.edit == Edit::kInsertion) ++counted.insertions;
    }
    ASSERT_EQ(heard_again, heard);
    ASSERT_EQ(spoken_again, spoken);
    ASSERT_EQ(counted, word_edits(heard, spoken)) << heard << "| " << spoken;
  }
}

TEST(AlignWords, WhatIsMissingIsMissingInOnePiece) {
  const auto missing = [](std::string_view heard, std::string_view spoken) {
    std::string words;
    for (const AlignedWord& pair : align_words(heard, spoken)) words += pair.hypothesis.empty() ? 'x' : '.';
    return words;
  };
  EXPECT_EQ(missing("x the y", "x the a b c the d y"), "..xxxxx.");
  EXPECT_EQ(missing("no zero one", "no zero zero one"), ".x..") << "one word alone: the last is heard";
}

// By hand.
TEST(AlignWords, NamesWhatHappened) {
  const auto aligned = align_words("the cat sat down here now", "the bat sat here now today");
  ASSERT_EQ(aligned.size(), 7u);
  EXPECT_EQ(aligned[1].edit, Edit::kSubstitution);
  EXPECT_EQ(aligned[1].reference, "bat");
  EXPECT_EQ(aligned[1].hypothesis, "cat");
  EXPECT_EQ(aligned[3].edit, Edit::kInsertion);
  EXPECT_EQ(aligned[3].hypothesis, "down");
  EXPECT_EQ(aligned[6].edit, Edit::kDeletion);
  EXPECT_EQ(aligned[6].reference, "today");
  EXPECT_TRUE(align_words("", "").empty());
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
