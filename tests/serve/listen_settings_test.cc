#include "serve/listen_settings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "glossa/error.hpp"
#include "support/message_of.h"

namespace glossa::serve {
namespace {

using ::testing::HasSubstr;

ModelInfo listen_model() {
  ModelInfo model;
  model.sample_rate = 16000;
  model.frame_seconds = 0.08;
  model.att_contexts = {{56, 0}, {56, 3}, {56, 13}};
  return model;
}

ListenSettings listen_settings(const Fields& query, Kind kind = Kind::kLive) {
  return read_listen_query(query, listen_model(), kind, 1.5);
}

TEST(ListenSettings, NothingAskedFor) {
  const ListenSettings settings = listen_settings({{"model", "nova-3"}, {"tag", "x"}});
  EXPECT_EQ(settings.session.stream.target_lang, "auto");
  EXPECT_EQ(settings.session.silence, 1.5);
  EXPECT_EQ(settings.sound.samples, SampleFormat::kSigned16);
  EXPECT_EQ(settings.sound.rate, 16000);
  EXPECT_EQ(settings.sound.channels, 1);
  EXPECT_FALSE(settings.session.stream.att_context);
  EXPECT_FALSE(settings.separate || settings.interim_results || settings.punctuation ||
               settings.speech_started);
  EXPECT_EQ(settings.utterance_end, 0);
}

TEST(ListenSettings, WhatAgentsAskFor) {
  const ListenSettings settings = listen_settings({{"encoding", "linear16"},
                                                   {"sample_rate", "24000"},
                                                   {"channels", "2"},
                                                   {"multichannel", "true"},
                                                   {"language", "de"},
                                                   {"interim_results", "true"},
                                                   {"smart_format", "true"},
                                                   {"vad_events", "True"},
                                                   {"endpointing", "300"},
                                                   {"utterance_end_ms", "1000"},
                                                   {"latency", "320ms"},
                                                   {"keyterm", "Glossa Mini"},
                                                   {"keywords", "NeMo:2"},
                                                   {"keywords", "never:-3"},
                                                   {"keyterm", R"(["one","two"])"}});
  EXPECT_EQ(settings.sound.rate, 24000);
  EXPECT_EQ(settings.sound.channels, 2);
  EXPECT_TRUE(settings.separate && settings.interim_results && settings.punctuation &&
              settings.speech_started);
  EXPECT_EQ(settings.session.stream.target_lang, "de");
  EXPECT_EQ(settings.session.silence, 0.3);
  EXPECT_EQ(settings.utterance_end, 1);
  EXPECT_EQ(settings.session.stream.att_context->right, 3);
  ASSERT_EQ(settings.session.stream.boosted_phrases.size(), 4u);
  EXPECT_EQ(settings.session.stream.boosted_phrases[0].text, "Glossa Mini");
  EXPECT_EQ(settings.session.stream.boosted_phrases[1].text, "NeMo");
  EXPECT_EQ(settings.session.stream.boosted_phrases[3].text, "two");
}

TEST(ListenSettings, Telephone) {
  const ListenSettings settings =
      listen_settings({{"encoding", "mulaw"}, {"language", "multi"}, {"endpointing", "false"}});
  EXPECT_EQ(settings.sound.samples, SampleFormat::kMulaw);
  EXPECT_EQ(settings.sound.rate, 8000);
  EXPECT_EQ(settings.session.stream.target_lang, "auto");
  EXPECT_EQ(settings.session.silence, 0);
}

// A file says itself how many channels it has; of samples without a header the query does.
TEST(ListenSettings, ChannelsOfAFile) {
  EXPECT_TRUE(listen_settings({{"multichannel", "true"}}, Kind::kFile).separate);
  EXPECT_FALSE(listen_settings({{"multichannel", "true"}}, Kind::kLive).separate);
  EXPECT_FALSE(listen_settings({{"channels", "2"}}, Kind::kFile).separate);
}

TEST(ListenSettings, FilesNeedNoEncoding) {
  const ListenSettings any = listen_settings({}, Kind::kFile);
  EXPECT_EQ(any.sound.rate, 0);
  EXPECT_EQ(any.session.stream.att_context->right, 13);
  EXPECT_EQ(listen_settings({{"encoding", "flac"}}, Kind::kFile).sound.rate, 0);
  EXPECT_EQ(listen_settings({{"encoding", "linear32"}}).sound.samples, SampleFormat::kFloat32);
  EXPECT_EQ(listen_settings({{"encoding", "linear16"}, {"sample_rate", "44100"}}, Kind::kFile).sound.rate,
            44100);
}

TEST(ListenSettings, RefusedByName) {
  const auto why = [](const Fields& query, Kind kind = Kind::kLive) -> std::string {
    return testing::message_of([&] { listen_settings(query, kind); }, ErrorCode::kInvalidArgument);
  };
  EXPECT_THAT(why({{"encoding", "opus"}}), HasSubstr("encoding is \"opus\", expected linear16"));
  EXPECT_THAT(why({{"encoding", "linear16"}, {"sample_rate", "0x10"}}), HasSubstr("sample_rate is \"0x10\""));
  EXPECT_THAT(why({{"channels", "9"}}), HasSubstr("channels is \"9\", expected 1 to 8"));
  EXPECT_THAT(why({{"interim_results", "maybe"}}), HasSubstr("interim_results is \"maybe\""));
  EXPECT_THAT(why({{"endpointing", "-5"}}), HasSubstr("endpointing is \"-5\""));
  EXPECT_THAT(why({{"latency", "5ms"}}), HasSubstr("5ms"));
  EXPECT_THAT(why({{"diarize", "true"}}), HasSubstr("diarize is not supported"));
  EXPECT_EQ(why({{"diarize", "false"}, {"redact", ""}, {"profanity_filter", "true"}}), "no error");
  EXPECT_EQ(why({{"endpointing", "True"}, {"detect_language", "en"}}), "no error");
}

}  // namespace
}  // namespace glossa::serve
