#include "text/subtitles.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <random>

namespace glossa::text {
namespace {

using ::testing::ElementsAre;

std::size_t letters(const std::string& text) {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char byte) { return (byte & 0xc0) != 0x80; }));
}

// Words of `length` seconds one after the other, one sentence per inner list.
Transcript speak(const std::vector<std::vector<std::string>>& sentences, double length) {
  Transcript transcript;
  double time = 0.5;
  for (const auto& words : sentences) {
    Sentence sentence{.language = "en-US", .start = time};
    for (const std::string& word : words) {
      transcript.words.push_back({word, time, time + length, 1, "en-US"});
      sentence.text += (sentence.text.empty() ? "" : " ") + word;
      time += length;
    }
    sentence.end = time;
    transcript.sentences.push_back(sentence);
  }
  return transcript;
}

TEST(Cues, OnePerShortSentence) {
  const auto cues = make_cues(speak({{"How", "are", "you?"}, {"Fine,", "thanks."}}, 0.4));
  ASSERT_EQ(cues.size(), 2u);
  EXPECT_THAT(cues[0].lines, ElementsAre("How are you?"));
  EXPECT_EQ(cues[0].start_ms, 500);
  EXPECT_EQ(cues[0].end_ms, 1700);
  EXPECT_THAT(cues[1].lines, ElementsAre("Fine, thanks."));
  EXPECT_EQ(cues[1].start_ms, 1700);
}

TEST(Cues, LongSentencesAreWrappedAndCut) {
  const std::vector<std::string> words(40, "letters");
  for (const Cue& cue : make_cues(speak({words}, 0.2))) {
    EXPECT_LE(cue.lines.size(), 2u);
    for (const std::string& line : cue.lines) EXPECT_LE(letters(line), 42u);
    EXPECT_LE(cue.end_ms - cue.start_ms, 7000);
  }
}

TEST(Cues, SlowSpeechIsCutByTime) {
  const auto cues = make_cues(speak({std::vector<std::string>(10, "slow")}, 1.5));
  ASSERT_GT(cues.size(), 1u);
  for (const Cue& cue : cues) EXPECT_LE(cue.end_ms - cue.start_ms, 7000);
}

TEST(Cues, TextWithoutSpacesIsCutBetweenCharacters) {
  std::string sentence;
  for (int count = 0; count < 100; ++count) sentence += "文";
  const auto cues = make_cues(speak({{sentence}}, 12.0));
  std::string joined;
  for (const Cue& cue : cues) {
    for (const std::string& line : cue.lines) {
      EXPECT_LE(letters(line), 42u);
      joined += line;
    }
  }
  EXPECT_EQ(joined, sentence);
  EXPECT_GT(cues.size(), 1u);
}

TEST(Cues, APauseEndsACue) {
  Transcript transcript = speak({{"one", "two"}}, 0.3);
  transcript.words[1].start = 10;
  transcript.words[1].end = 10.2;
  EXPECT_EQ(make_cues(transcript).size(), 2u);
}

// Whatever the words and times: order, limits, no overlap, no lost text.
TEST(Cues, Always) {
  std::mt19937 random(1);
  for (int round = 0; round < 200; ++round) {
    Transcript transcript;
    std::string expected;
    double time = 0;
    for (int count = static_cast<int>(random() % 60); count > 0; --count) {
      const std::string word(1 + random() % (random() % 10 == 0 ? 120 : 12),
                             static_cast<char>('a' + random() % 26));
      time += (random() % 100) / (random() % 5 == 0 ? 20.0 : 1000.0);
      transcript.words.push_back({word, time, time + (random() % 200) / 100.0, 1, ""});
      expected += word;
    }
    std::string text;
    std::int64_t before = 0;
    for (const Cue& cue : make_cues(transcript)) {
      EXPECT_GE(cue.start_ms, before);
      EXPECT_GT(cue.end_ms, cue.start_ms);
      EXPECT_LE(cue.end_ms - cue.start_ms, 7000);
      EXPECT_TRUE(cue.lines.size() == 1 || cue.lines.size() == 2);
      before = cue.end_ms;
      for (const std::string& line : cue.lines) {
        EXPECT_LE(letters(line), 42u);
        text += line;
      }
    }
    std::erase(text, ' ');
    EXPECT_EQ(text, expected);
  }
}

TEST(Srt, WholeFile) {
  Transcript transcript = speak({{"Ask", "<now>", "&", "-->", "go."}}, 0.25);
  transcript.words.front().start = 3661.0004;
  for (Word& word : transcript.words) word.start = std::max(word.start, 3661.0004);
  for (Word& word : transcript.words) word.end = 3662.9996;
  EXPECT_EQ(to_srt(transcript), "1\n01:01:01,000 --> 01:01:03,000\nAsk <now> & -> go.\n\n");
}

TEST(Vtt, WholeFileAndEscapes) {
  EXPECT_EQ(to_vtt(speak({{"Ask", "<now>", "&", "-->", "go."}}, 0.25)),
            "WEBVTT\n\n00:00:00.500 --> 00:00:01.750\nAsk &lt;now&gt; &amp; --&gt; go.\n\n");
}

TEST(Subtitles, OfSilence) {
  EXPECT_EQ(to_srt({}), "");
  EXPECT_EQ(to_vtt({}), "WEBVTT\n\n");
}

// The second speaks while the first does.
TEST(Conversation, CuesOfAllChannelsInOrderOfTime) {
  Transcript second = speak({{"Yes", "&", "no."}}, 0.5);
  for (Word& word : second.words) {
    word.start += 0.75;
    word.end += 0.75;
  }
  const std::vector<Transcript> channels = {speak({{"One", "two."}, {"Three."}}, 1), second};
  EXPECT_EQ(conversation_to_srt(channels),
            "1\n00:00:00,500 --> 00:00:02,500\n1: One two.\n\n"
            "2\n00:00:01,250 --> 00:00:02,750\n2: Yes & no.\n\n"
            "3\n00:00:02,500 --> 00:00:03,500\n1: Three.\n\n");
  EXPECT_EQ(conversation_to_vtt(channels),
            "WEBVTT\n\n00:00:00.500 --> 00:00:02.500\n<v 1>One two.\n\n"
            "00:00:01.250 --> 00:00:02.750\n<v 2>Yes &amp; no.\n\n"
            "00:00:02.500 --> 00:00:03.500\n<v 1>Three.\n\n");
  EXPECT_EQ(conversation_to_srt(std::vector<Transcript>(2)), "");
}

}  // namespace
}  // namespace glossa::text
