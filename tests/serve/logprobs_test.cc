// Oracles: words and tokens written by hand, two frames a second.
#include "serve/logprobs.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace glossa::serve {
namespace {

using ::testing::ElementsAre;
using ::testing::Pair;

constexpr double kFrame = 0.5;

// "Hi there. So" with a tag behind the full stop; a frame holds the last piece of one word and the first of
// the next.
Transcript hello() {
  Transcript transcript;
  transcript.tokens = {{.id = 1, .frame = 2, .log_prob = -1, .confidence = 0.9f},    // _Hi
                       {.id = 2, .frame = 3, .log_prob = -2, .confidence = 0.8f},    // _th
                       {.id = 3, .frame = 3, .log_prob = -4, .confidence = 0.3f},    // ere
                       {.id = 4, .frame = 5, .log_prob = -8, .confidence = 0.7f},    // .
                       {.id = 9, .frame = 5, .log_prob = -16, .confidence = 0.2f},   // <en-US>
                       {.id = 5, .frame = 7, .log_prob = -32, .confidence = 0.6f},   // _S
                       {.id = 6, .frame = 8, .log_prob = -64, .confidence = 0.5f}};  // o
  transcript.words = {
      {"Hi", 1, 1.5, 0.9f, "en-US"}, {"there.", 1.5, 3, 0.3f, "en-US"}, {"So", 3.5, 4.5, 0.5f, ""}};
  transcript.sentences = {{"Hi there.", "en-US", 1, 3}, {"So", "", 3.5, 4.5}};
  transcript.text = "Hi there. So";
  transcript.decoded = 5;
  return transcript;
}

TEST(Logprobs, EveryWordHasItsTokens) {
  const Transcript transcript = hello();
  EXPECT_THAT(runs_of_words(transcript.words, transcript, kFrame),
              ElementsAre(Pair(0, 1), Pair(1, 4), Pair(5, 7)))
      << "the tag, in the frame of the full stop, is less sure than any token of the word";
  EXPECT_THAT(runs_of_words(std::span(transcript.words).subspan(2), transcript, kFrame),
              ElementsAre(Pair(5, 7)));
}

TEST(Logprobs, TokensInOneFrameAreToldApart) {
  Transcript transcript;
  transcript.decoded = 3;
  transcript.tokens = {{.id = 1, .frame = 2, .confidence = 0.9f},
                       {.id = 2, .frame = 3, .confidence = 0.8f},
                       {.id = 3, .frame = 3, .confidence = 0.3f},
                       {.id = 4, .frame = 4, .confidence = 0.7f}};
  transcript.words = {{"One", 1, 2, 0.8f, ""}, {"two", 1.5, 2.5, 0.3f, ""}};
  EXPECT_THAT(runs_of_words(transcript.words, transcript, kFrame), ElementsAre(Pair(0, 2), Pair(2, 4)));
}

TEST(Logprobs, ManyWordsInOneFrameHaveOneEach) {
  Transcript transcript;
  transcript.decoded = 3;
  for (const float confidence : {0.4f, 0.5f, 0.2f, 0.3f}) {
    transcript.tokens.push_back({.id = 1, .frame = 2, .confidence = confidence});
    transcript.words.push_back({"x", 1, 1.5, confidence, ""});
  }
  EXPECT_THAT(runs_of_words(transcript.words, transcript, kFrame),
              ElementsAre(Pair(0, 1), Pair(1, 2), Pair(2, 3), Pair(3, 4)));
}

TEST(Logprobs, WhatWasWrittenBehindTheSoundIsInItsLastFrame) {
  Transcript transcript;
  transcript.decoded = 1.5;
  transcript.tokens = {{.id = 1, .frame = 1, .confidence = 0.9f},
                       {.id = 2, .frame = 4, .confidence = 0.8f},
                       {.id = 3, .frame = 5, .confidence = 0.6f}};
  transcript.words = {{"One", 0.5, 1, 0.9f, ""}, {"two.", 1, 1.5, 0.6f, ""}};
  transcript.sentences = {{"One two.", "", 0.5, 1.5}};
  EXPECT_THAT(runs_of_words(transcript.words, transcript, kFrame), ElementsAre(Pair(0, 1), Pair(1, 3)));
  EXPECT_THAT(runs_of_sentences(transcript, kFrame), ElementsAre(Pair(0, 3)));
}

TEST(Logprobs, SentencesHaveAllTokens) {
  EXPECT_THAT(runs_of_sentences(hello(), kFrame), ElementsAre(Pair(0, 5), Pair(5, 7)));
  EXPECT_TRUE(runs_of_sentences({}, kFrame).empty());
}

TEST(Logprobs, EntriesAreTheText) {
  const Transcript transcript = hello();
  const nlohmann::json list = logprobs_json(transcript, kFrame);
  EXPECT_EQ(list, nlohmann::json::parse(R"([
      {"token": "Hi", "logprob": -1.0, "bytes": [72, 105]},
      {"token": " there.", "logprob": -14.0, "bytes": [32, 116, 104, 101, 114, 101, 46]},
      {"token": " So", "logprob": -96.0, "bytes": [32, 83, 111]}])"));
  GrowingLogprobs told(kFrame);
  EXPECT_EQ(told.take(transcript.words, transcript, "Hi").size(), 1u);
  EXPECT_EQ(told.take(transcript.words, transcript, " the").size(), 0u);
  EXPECT_EQ(told.take(transcript.words, transcript, "re.").size(), 1u);
  told.close(transcript.words, transcript);
  EXPECT_EQ(told.all(), list);
}

}  // namespace
}  // namespace glossa::serve
