// Transcripts as clients hear them. Oracles: sentences and words written by hand.
#include "serve/utterances.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace glossa::serve {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

// A sentence of words that last 0.4 s each, one after the other from `start` on.
void say(Transcript& transcript, double start, const std::vector<std::string>& words,
         const std::string& language) {
  Sentence sentence{.language = language, .start = start};
  for (const std::string& word : words) {
    transcript.words.push_back({word, start, start + 0.4, 0.5f, language});
    sentence.text += (sentence.text.empty() ? "" : " ") + word;
    start += 0.4;
  }
  sentence.end = start;
  transcript.sentences.push_back(sentence);
  transcript.settled = start;
}

std::vector<std::string> texts(const std::vector<Utterance>& utterances) {
  std::vector<std::string> texts;
  for (const Utterance& utterance : utterances) texts.push_back(utterance.text);
  return texts;
}

TEST(Utterances, AreFinalWhenTheirTagComes) {
  Utterances utterances(/*silence=*/0);
  Transcript transcript;
  say(transcript, 1, {"How", "are"}, "");
  UtteranceUpdate update = utterances.update(transcript, false);
  EXPECT_THAT(update.finals, IsEmpty());
  ASSERT_TRUE(update.interim);
  EXPECT_EQ(update.interim->text, "How are");
  EXPECT_TRUE(update.interim_changed);
  EXPECT_FALSE(utterances.update(transcript, false).interim_changed);

  transcript = {};
  say(transcript, 1, {"How", "are", "you?"}, "en-US");
  update = utterances.update(transcript, false);
  ASSERT_THAT(texts(update.finals), ElementsAre("How are you?"));
  EXPECT_EQ(update.finals[0].language, "en-US");
  EXPECT_EQ(update.finals[0].words.size(), 3u);
  EXPECT_DOUBLE_EQ(update.finals[0].start, 1);
  EXPECT_DOUBLE_EQ(update.finals[0].end, 2.2);
  EXPECT_FLOAT_EQ(update.finals[0].confidence, 0.5f);
  EXPECT_FALSE(update.interim);
  EXPECT_THAT(utterances.update(transcript, true).finals, IsEmpty());
}

TEST(Utterances, AreFinalWhenTheNextOneHasBegun) {
  Utterances utterances(0);
  Transcript transcript;
  say(transcript, 0, {"One."}, "");
  say(transcript, 1, {"Two", "three."}, "");
  say(transcript, 3, {"Four"}, "");
  const UtteranceUpdate update = utterances.update(transcript, false);
  EXPECT_THAT(texts(update.finals), ElementsAre("One.", "Two three."));
  EXPECT_EQ(update.finals[1].words.size(), 2u);
  ASSERT_TRUE(update.interim);
  EXPECT_EQ(update.interim->words.size(), 1u);
  EXPECT_THAT(texts(utterances.update(transcript, true).finals), ElementsAre("Four"));
}

TEST(Utterances, SilenceEndsThemAndLateMarksAreLeftOut) {
  Utterances utterances(/*silence=*/1);
  Transcript transcript;
  say(transcript, 0, {"hello", "there"}, "");
  transcript.settled = 1.7;
  transcript.decoded = 5;  // words may still come
  EXPECT_THAT(utterances.update(transcript, false).finals, IsEmpty());
  transcript.settled = 1.8;
  EXPECT_THAT(texts(utterances.update(transcript, false).finals), ElementsAre("hello there"));
  transcript.settled = 3;
  EXPECT_THAT(utterances.update(transcript, false).finals, IsEmpty());

  transcript = {};
  say(transcript, 0, {"hello", "there."}, "");
  transcript.settled = 3.2;
  UtteranceUpdate update = utterances.update(transcript, false);
  EXPECT_THAT(update.finals, IsEmpty());
  EXPECT_FALSE(update.interim);
  say(transcript, 3.2, {"Again"}, "");
  update = utterances.update(transcript, false);
  EXPECT_THAT(update.finals, IsEmpty());
  ASSERT_TRUE(update.interim);
  EXPECT_EQ(update.interim->text, "Again");
  EXPECT_EQ(update.interim->words.size(), 1u);
}

TEST(Utterances, AShortSilenceCutsNoWord) {
  Utterances utterances(/*silence=*/0.025);
  Transcript transcript;
  say(transcript, 0, {"un"}, "");
  transcript.settled = 0.72;  // four frames after it
  EXPECT_THAT(utterances.update(transcript, false).finals, IsEmpty());
  transcript = {};
  say(transcript, 0, {"until"}, "");
  transcript.settled = 0.9;
  EXPECT_THAT(texts(utterances.update(transcript, false).finals), ElementsAre("until"));

  Utterances endless(/*silence=*/0);
  transcript.settled = 100;
  EXPECT_THAT(endless.update(transcript, false).finals, IsEmpty());
}

TEST(Utterances, LateMarksOfAnyScriptAreLeftOut) {
  for (const std::string mark : {".", "،", "؛", "…", "”", "»", ")", "॥", "።", "۔", "．", "\u3000。"}) {
    Utterances utterances(/*silence=*/1);
    Transcript transcript;
    say(transcript, 0, {"one"}, "");
    transcript.settled = 2;
    EXPECT_THAT(texts(utterances.update(transcript, false).finals), ElementsAre("one"));
    transcript = {};
    say(transcript, 0, {"one" + mark}, "");
    EXPECT_FALSE(utterances.update(transcript, false).interim) << mark;
    transcript = {};
    say(transcript, 0, {"one" + mark, "¿two?"}, "");
    EXPECT_THAT(texts(utterances.update(transcript, true).finals), ElementsAre("¿two?")) << mark;
  }
}

TEST(Utterances, GoOnAfterASilenceInsideASentence) {
  Utterances utterances(1);
  Transcript transcript;
  say(transcript, 0, {"one", "two"}, "");
  transcript.settled = 2;
  EXPECT_THAT(texts(utterances.update(transcript, false).finals), ElementsAre("one two"));
  transcript = {};
  say(transcript, 0, {"one", "two", "three", "four."}, "de-DE");
  const UtteranceUpdate update = utterances.update(transcript, false);
  ASSERT_THAT(texts(update.finals), ElementsAre("three four."));
  EXPECT_EQ(update.finals[0].words.size(), 2u);
  EXPECT_EQ(update.finals[0].language, "de-DE");
}

TEST(Utterances, WhatIsSettledOfAnInterimOneIsAChange) {
  Utterances utterances(0);
  Transcript settled;
  say(settled, 0, {"one"}, "");
  Transcript drafted;
  say(drafted, 0, {"one", "two"}, "");
  EXPECT_TRUE(utterances.update(settled, drafted, false).interim_changed);
  EXPECT_FALSE(utterances.update(settled, drafted, false).interim_changed);
  const UtteranceUpdate update = utterances.update(drafted, drafted, false);
  EXPECT_TRUE(update.interim_changed);
  EXPECT_EQ(update.open->text, "one two");
  EXPECT_EQ(update.interim->text, "one two");
}

TEST(Utterances, ADraftIsNeverFinal) {
  Utterances utterances(/*silence=*/1);
  Transcript settled;
  say(settled, 0, {"one", "two"}, "");
  Transcript drafted;
  say(drafted, 0, {"one", "two", "three."}, "en-US");
  say(drafted, 1.2, {"Four"}, "");
  UtteranceUpdate update = utterances.update(settled, drafted, false);
  EXPECT_THAT(update.finals, IsEmpty());
  ASSERT_TRUE(update.interim);
  EXPECT_EQ(update.interim->text, "one two three. Four");
  ASSERT_TRUE(update.open);
  EXPECT_EQ(update.open->text, "one two");
  EXPECT_EQ(update.interim->words.size(), 4u);
  EXPECT_DOUBLE_EQ(update.interim->end, 1.6);
  EXPECT_FLOAT_EQ(update.interim->confidence, 0.5f);

  // It was wrong, and so is the next one.
  settled.settled = 2;
  update = utterances.update(settled, settled, false);
  EXPECT_THAT(texts(update.finals), ElementsAre("one two"));
  EXPECT_FALSE(update.interim);
  EXPECT_TRUE(update.interim_changed);
  drafted = settled;
  say(drafted, 2, {"Five"}, "");
  update = utterances.update(settled, drafted, false);
  ASSERT_TRUE(update.interim);
  EXPECT_EQ(update.interim->text, "Five");
  EXPECT_FALSE(update.open);
  update = utterances.update(settled, true);
  EXPECT_THAT(update.finals, IsEmpty());
  EXPECT_FALSE(update.interim);
  EXPECT_TRUE(update.interim_changed);
}

// What add_alternatives() gives the finals of a transcript whose sentences these are.
std::vector<std::vector<std::string>> alternatives(const std::vector<std::string>& sentences,
                                                   const std::vector<std::string>& hypotheses,
                                                   std::size_t told = 0) {
  Transcript transcript;
  std::vector<Utterance> finals;
  for (const std::string& sentence : sentences) {
    transcript.text += (transcript.text.empty() ? "" : " ") + sentence;
    if (told > 0) {
      --told;
    } else {
      finals.push_back({.text = sentence});
    }
  }
  std::vector<Alternative> search;
  for (const std::string& text : hypotheses) search.push_back({.text = text});
  add_alternatives(transcript, search, finals);
  std::vector<std::vector<std::string>> others;
  for (const Utterance& utterance : finals) others.push_back(utterance.alternatives);
  return others;
}

TEST(Utterances, AlternativesOfOneUtterance) {
  EXPECT_THAT(alternatives({"Is the fan still on?"},
                           {"Is the fan still on?", "Is the van still on?", "The fan still on?", "Is the fan",
                            " Is the fan still on? Yes "}),
              ElementsAre(ElementsAre("Is the van still on?", "The fan still on?", "Is the fan",
                                      "Is the fan still on? Yes")));
}

TEST(Utterances, AlternativesAreDistinct) {
  EXPECT_THAT(alternatives({"On."}, {"On.", "On.", "On. ", "On..", "On.¿", "Un", "Un", "Un.", "", " "}),
              ElementsAre(ElementsAre("Un")));
}

TEST(Utterances, AlternativesDifferInOneUtterance) {
  const std::vector<std::string> sentences = {"The fan.", "Is it on?", "It is."};
  EXPECT_THAT(alternatives(sentences, {"The fan. Is it on? It is.", "The van. Is it on? It is.",
                                       "The fan. Is it in? It is.", "The fan. Is it on? It was.",
                                       "The van. Is it on? It was.", "The fan, is it on? It is.",
                                       "The fan. Is it on?", "It is."}),
              ElementsAre(ElementsAre("The van."), ElementsAre("Is it in?"), ElementsAre("It was.")));
  // What differs in what was final before is no alternative of what is final now.
  EXPECT_THAT(alternatives(sentences, {"The van. Is it on? It is.", "The fan. Is it in? It is."}, /*told=*/1),
              ElementsAre(ElementsAre("Is it in?"), IsEmpty()));
}

TEST(Utterances, AlternativesMayHaveOneMore) {
  EXPECT_THAT(alternatives({"Yes.", "No."}, {"Yes. Yes. No.", "Yes. No. No.", "Yes. Oh. No."}),
              ElementsAre(ElementsAre("Yes. Yes.", "Yes. Oh."), ElementsAre("No. No.")));
}

TEST(Utterances, AlternativesOfWhatFollowsASilenceInsideASentence) {
  Transcript transcript{.text = "one two. three four."};
  std::vector<Utterance> finals = {{.text = "three four."}};
  add_alternatives(
      transcript, std::vector<Alternative>{{.text = "one two. free four."}, {.text = "one two, three four."}},
      finals);
  EXPECT_THAT(finals[0].alternatives, ElementsAre("free four."));
}

TEST(Utterances, AlternativesOfATextThatIsNotThere) {
  Transcript transcript{.text = "one two"};
  std::vector<Utterance> finals = {{.text = "three"}};
  add_alternatives(transcript, std::vector<Alternative>{{.text = "one too"}}, finals);
  EXPECT_THAT(finals[0].alternatives, IsEmpty());
}

TEST(Utterances, NothingSaidIsNothingTold) {
  Utterances utterances(1);
  const UtteranceUpdate update = utterances.update({}, true);
  EXPECT_THAT(update.finals, IsEmpty());
  EXPECT_FALSE(update.interim);
  EXPECT_FALSE(update.interim_changed);
}

}  // namespace
}  // namespace glossa::serve
