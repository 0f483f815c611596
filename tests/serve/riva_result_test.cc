#include "serve/riva_result.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "serve/proto/riva_asr.pb.h"

namespace glossa::serve {
namespace {

namespace asr = nvidia::riva::asr;

Utterance some_utterance() {
  Utterance utterance;
  utterance.text = "Guten Tag, Welt.";
  utterance.language = "de-DE";
  utterance.words = {{"Guten", 0.08, 0.24, 0.5f, ""},
                     {"Tag,", 0.4, 0.48, 0.75f, "de-DE"},
                     {"Welt.", 61.2, 61.36, 0.25f, "de-DE"}};
  utterance.start = 0.08;
  utterance.end = 61.36;
  utterance.confidence = 0.5f;
  return utterance;
}

RivaRequest some_request() {
  RivaRequest request;
  request.punctuation = true;
  request.word_times = true;
  request.language = "de";
  return request;
}

TEST(RivaResult, Final) {
  asr::StreamingRecognitionResult result;
  ASSERT_TRUE(write_final(some_utterance(), some_request(), {.channel = 2, .audio_processed = 62.5}, result));
  EXPECT_TRUE(result.is_final());
  EXPECT_EQ(result.stability(), 0);
  EXPECT_EQ(result.channel_tag(), 2);
  EXPECT_EQ(result.audio_processed(), 62.5f);
  ASSERT_EQ(result.alternatives_size(), 1);
  const asr::SpeechRecognitionAlternative& alternative = result.alternatives(0);
  EXPECT_EQ(alternative.transcript(), "Guten Tag, Welt. ");
  EXPECT_EQ(alternative.confidence(), 0.5f);
  ASSERT_EQ(alternative.language_code_size(), 1);
  EXPECT_EQ(alternative.language_code(0), "de-DE");
  ASSERT_EQ(alternative.words_size(), 3);
  EXPECT_EQ(alternative.words(1).word(), "Tag,");
  EXPECT_EQ(alternative.words(1).start_time(), 400);
  EXPECT_EQ(alternative.words(1).end_time(), 480);
  EXPECT_EQ(alternative.words(1).confidence(), 0.75f);
  EXPECT_EQ(alternative.words(2).start_time(), 61200);
  for (const asr::WordInfo& word : alternative.words()) {
    EXPECT_EQ(word.language_code(), "de-DE");
    EXPECT_EQ(word.speaker_tag(), 0);
  }
}

TEST(RivaResult, Interim) {
  asr::StreamingRecognitionResult result;
  UtteranceUpdate heard{.open = some_utterance(), .interim = some_utterance()};
  ASSERT_TRUE(write_interim(heard, some_request(), {.channel = 1, .audio_processed = 1}, result));
  EXPECT_FALSE(result.is_final());
  EXPECT_GT(result.stability(), 0);
  EXPECT_LT(result.stability(), 1);
  EXPECT_EQ(result.alternatives(0).transcript(), "Guten Tag, Welt. ");
  EXPECT_EQ(result.alternatives(0).confidence(), 0);
  EXPECT_EQ(result.alternatives(0).words_size(), 0);

  heard.open.reset();  // all of it is a draft
  asr::StreamingRecognitionResult draft;
  ASSERT_TRUE(write_interim(heard, some_request(), {}, draft));
  EXPECT_LT(draft.stability(), result.stability());
  asr::StreamingRecognitionResult withdrawn;
  ASSERT_TRUE(write_interim({}, some_request(), {.channel = 2, .audio_processed = 1}, withdrawn));
  EXPECT_FALSE(withdrawn.is_final());
  EXPECT_EQ(withdrawn.channel_tag(), 2);
  EXPECT_EQ(withdrawn.alternatives(0).transcript(), "");
}

TEST(RivaResult, Alternatives) {
  Utterance utterance = some_utterance();
  utterance.alternatives = {"Guten Tag, Feld.", "Guten Tag, Feld!", "...", "Guten Tag."};
  RivaRequest request = some_request();
  const auto transcripts = [&] {
    asr::StreamingRecognitionResult streamed;
    asr::SpeechRecognitionResult result;
    EXPECT_TRUE(write_final(utterance, request, {}, streamed));
    EXPECT_TRUE(write_final(utterance, request, {}, result));
    std::vector<std::string> texts;
    for (const asr::SpeechRecognitionAlternative& alternative : result.alternatives()) {
      if (!texts.empty()) {
        EXPECT_EQ(alternative.confidence(), 0);
        EXPECT_EQ(alternative.words_size() + alternative.language_code_size(), 0);
      }
      texts.push_back(alternative.transcript());
    }
    EXPECT_EQ(streamed.alternatives_size(), result.alternatives_size());
    return texts;
  };
  using ::testing::ElementsAre;
  EXPECT_THAT(transcripts(), ElementsAre("Guten Tag, Welt. "));
  request.alternatives = 3;
  EXPECT_THAT(transcripts(), ElementsAre("Guten Tag, Welt. ", "Guten Tag, Feld. ", "Guten Tag, Feld! "));
  request.alternatives = 100;
  request.punctuation = false;
  EXPECT_THAT(transcripts(), ElementsAre("guten tag welt ", "guten tag feld ", "guten tag "));
  asr::StreamingRecognitionResult interim;
  ASSERT_TRUE(write_interim({.open = utterance, .interim = utterance}, request, {}, interim));
  EXPECT_EQ(interim.alternatives_size(), 1);
}

TEST(RivaResult, OfAWholeSound) {
  asr::SpeechRecognitionResult result;
  RivaRequest request = some_request();
  request.word_times = false;
  ASSERT_TRUE(write_final(some_utterance(), request, {.channel = 1, .audio_processed = 2}, result));
  EXPECT_EQ(result.channel_tag(), 1);
  EXPECT_EQ(result.audio_processed(), 2);
  EXPECT_EQ(result.alternatives(0).transcript(), "Guten Tag, Welt. ");
  EXPECT_EQ(result.alternatives(0).words_size(), 0);
}

TEST(RivaResult, LanguageAsAskedForWithoutATag) {
  Utterance utterance = some_utterance();
  utterance.language.clear();
  asr::StreamingRecognitionResult result;
  ASSERT_TRUE(write_final(utterance, some_request(), {}, result));
  EXPECT_EQ(result.alternatives(0).language_code(0), "de");
  EXPECT_EQ(result.alternatives(0).words(0).language_code(), "de");
  EXPECT_EQ(result.alternatives(0).words(1).language_code(), "de-DE");
  RivaRequest request = some_request();
  request.language.clear();
  asr::StreamingRecognitionResult unknown;
  ASSERT_TRUE(write_final(utterance, request, {}, unknown));
  EXPECT_EQ(unknown.alternatives(0).language_code_size(), 0);
}

TEST(RivaResult, WithoutPunctuation) {
  RivaRequest request = some_request();
  request.punctuation = false;
  asr::StreamingRecognitionResult result;
  ASSERT_TRUE(write_final(some_utterance(), request, {}, result));
  EXPECT_EQ(result.alternatives(0).transcript(), "guten tag welt ");
  EXPECT_EQ(result.alternatives(0).words(2).word(), "welt");
  Utterance mark;
  mark.text = "...";
  asr::StreamingRecognitionResult nothing;
  EXPECT_FALSE(write_final(mark, request, {}, nothing));
}

TEST(ModelConfig, WhatClientsList) {
  ModelInfo model;
  model.name = "demo";
  model.sample_rate = 16000;
  model.frame_seconds = 0.08;
  model.att_contexts = {{56, 3}, {56, 13}};
  model.languages = {{"en-US", 0, {"en"}}, {"de-DE", 9, {"de"}}};
  asr::RivaSpeechRecognitionConfigResponse response;
  write_model_config(model, response);
  ASSERT_EQ(response.model_config_size(), 1);
  EXPECT_EQ(response.model_config(0).model_name(), "demo");
  const auto& parameters = response.model_config(0).parameters();
  EXPECT_EQ(parameters.at("type"), "online");
  EXPECT_EQ(parameters.at("streaming"), "True");
  EXPECT_EQ(parameters.at("language_code"), "en-US,de-DE");
  EXPECT_EQ(parameters.at("sample_rate"), "16000");
  EXPECT_EQ(parameters.at("chunk_size"), "0.32");
  EXPECT_EQ(parameters.at("latency"), "320ms,1120ms");
}

}  // namespace
}  // namespace glossa::serve
