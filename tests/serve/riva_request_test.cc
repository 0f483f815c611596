#include "serve/riva_request.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "base/log.h"
#include "serve/proto/riva_asr.pb.h"
#include "support/message_of.h"

namespace glossa::serve {
namespace {

namespace riva = nvidia::riva;
using riva::asr::RecognitionConfig;
using ::testing::Contains;
using ::testing::HasSubstr;

ModelInfo riva_model() {
  ModelInfo model;
  model.name = "demo";
  model.sample_rate = 16000;
  model.frame_seconds = 0.08;
  model.has_prompt = true;
  model.att_contexts = {{56, 13}, {56, 3}, {56, 0}};
  return model;
}

RivaRequest riva_request(const RecognitionConfig& config, Kind kind = Kind::kLive) {
  return read_riva_config(config, riva_model(), kind, /*silence=*/1.5);
}

std::string refusal(const RecognitionConfig& config, Kind kind = Kind::kLive) {
  return testing::message_of([&] { riva_request(config, kind); }, ErrorCode::kInvalidArgument);
}

TEST(RivaRequest, NothingSaid) {
  const RivaRequest request = riva_request({});
  EXPECT_EQ(request.encoding, RivaEncoding::kUnspecified);
  EXPECT_EQ(request.sound.samples, SampleFormat::kSigned16);
  EXPECT_EQ(request.sound.rate, 16000);
  EXPECT_EQ(request.sound.channels, 1);
  EXPECT_FALSE(request.separate || request.word_times || request.punctuation);
  EXPECT_EQ(request.language, "");
  EXPECT_EQ(request.session.stream.target_lang, "auto");
  EXPECT_FALSE(request.session.stream.att_context.has_value());
  EXPECT_EQ(request.session.kind, Kind::kLive);
  EXPECT_EQ(request.session.silence, 1.5);
}

TEST(RivaRequest, WhatStockClientsSend) {
  RecognitionConfig config;
  config.set_encoding(riva::LINEAR_PCM);
  config.set_sample_rate_hertz(44100);
  config.set_language_code("en-US");
  config.set_max_alternatives(1);
  config.set_enable_automatic_punctuation(true);
  config.set_enable_word_time_offsets(true);
  config.set_verbatim_transcripts(true);
  config.set_audio_channel_count(1);
  config.mutable_endpointing_config()->set_start_history(-1);
  config.mutable_endpointing_config()->set_start_threshold(-1);
  config.mutable_endpointing_config()->set_stop_history(-1);
  config.mutable_endpointing_config()->set_stop_history_eou(-1);
  config.mutable_diarization_config()->set_max_speaker_count(8);
  const RivaRequest request = riva_request(config, Kind::kFile);
  EXPECT_EQ(request.encoding, RivaEncoding::kSamples);
  EXPECT_EQ(request.sound.rate, 44100);
  EXPECT_EQ(request.language, "en-US");
  EXPECT_EQ(request.session.stream.target_lang, "en-US");
  EXPECT_TRUE(request.word_times && request.punctuation);
  EXPECT_EQ(request.session.kind, Kind::kFile);
  EXPECT_EQ(request.session.silence, 1.5);
}

TEST(RivaRequest, Alternatives) {
  RecognitionConfig config;
  for (const int asked : {0, 1, 2, 1000}) {
    config.set_max_alternatives(asked);
    EXPECT_EQ(riva_request(config).alternatives, std::max(asked, 1));
    EXPECT_EQ(riva_request(config).session.takes_alternatives, asked > 1);
  }
  config.set_max_alternatives(-1);
  EXPECT_EQ(refusal(config), "max_alternatives is -1, expected 0 or more");
}

TEST(RivaRequest, LanguagesThatTheModelFinds) {
  for (const char* language : {"", "auto", "multi"}) {
    RecognitionConfig config;
    config.set_language_code(language);
    EXPECT_EQ(riva_request(config).session.stream.target_lang, "auto");
    EXPECT_EQ(riva_request(config).language, "");
  }
}

TEST(RivaRequest, Encodings) {
  RecognitionConfig config;
  config.set_encoding(riva::MULAW);
  EXPECT_EQ(riva_request(config).sound.samples, SampleFormat::kMulaw);
  config.set_encoding(riva::ALAW);
  EXPECT_EQ(riva_request(config).sound.samples, SampleFormat::kAlaw);
  for (const auto encoding : {riva::FLAC, riva::OGGOPUS}) {
    config.set_encoding(encoding);
    EXPECT_THAT(refusal(config), HasSubstr(riva::AudioEncoding_Name(encoding) + " cannot be streamed"));
    EXPECT_EQ(riva_request(config, Kind::kFile).encoding, RivaEncoding::kFile);
  }
  config.set_encoding(static_cast<riva::AudioEncoding>(7));
  EXPECT_EQ(refusal(config), "unknown encoding 7");
}

TEST(RivaRequest, RatesAndChannels) {
  RecognitionConfig config;
  for (const int rate : {8000, 22050, 48000}) {
    config.set_sample_rate_hertz(rate);
    EXPECT_EQ(riva_request(config).sound.rate, rate);
  }
  for (const int rate : {-1, 7999, 48001}) {
    config.set_sample_rate_hertz(rate);
    EXPECT_THAT(refusal(config), HasSubstr("sample_rate_hertz is " + std::to_string(rate)));
  }
  config.set_sample_rate_hertz(96000);
  config.set_encoding(riva::FLAC);
  EXPECT_EQ(refusal(config, Kind::kFile), "no error");  // the file says it better

  config = {};
  config.set_enable_separate_recognition_per_channel(true);
  EXPECT_FALSE(riva_request(config).separate);
  config.set_audio_channel_count(2);
  EXPECT_EQ(riva_request(config).sound.channels, 2);
  EXPECT_TRUE(riva_request(config).separate);
  config.set_enable_separate_recognition_per_channel(false);
  EXPECT_FALSE(riva_request(config).separate);
  for (const int channels : {-1, 9}) {
    config.set_audio_channel_count(channels);
    EXPECT_THAT(refusal(config), HasSubstr("audio_channel_count is " + std::to_string(channels)));
  }
}

TEST(RivaRequest, SilenceThatEndsAnUtterance) {
  RecognitionConfig config;
  (*config.mutable_custom_configuration())["stop_history_eou"] = " 250";
  EXPECT_EQ(riva_request(config).session.silence, 0.25);
  config.mutable_endpointing_config()->set_stop_history(800);
  EXPECT_EQ(riva_request(config).session.silence, 0.8);
  config.mutable_endpointing_config()->set_stop_history_eou(320);
  EXPECT_EQ(riva_request(config).session.silence, 0.32);
  config.mutable_endpointing_config()->set_stop_history_eou(0);
  EXPECT_EQ(riva_request(config).session.silence, 0.8);
  (*config.mutable_custom_configuration())["stop_history_eou"] = "soon";
  EXPECT_THAT(refusal(config), HasSubstr("stop_history_eou is \"soon\", expected milliseconds"));
}

TEST(RivaRequest, ModelsAndLatencies) {
  RecognitionConfig config;
  config.set_model("demo");
  EXPECT_FALSE(riva_request(config).session.stream.att_context.has_value());
  config.set_model("320ms");
  EXPECT_EQ(riva_request(config).session.stream.att_context, (AttContext{56, 3}));
  config.set_model("160ms");  // not listed, but 56 is a multiple of its chunk
  EXPECT_EQ(riva_request(config).session.stream.att_context, (AttContext{56, 1}));
  for (const char* model : {"100ms", "240ms"}) {
    config.set_model(model);
    EXPECT_THROW(riva_request(config), UnknownModel);
    EXPECT_THAT(refusal(config), HasSubstr("this server has demo, at 1120ms, 320ms, 80ms"));
  }
}

TEST(RivaRequest, CustomConfiguration) {
  RecognitionConfig config;
  auto& custom = *config.mutable_custom_configuration();
  config.set_language_code("en-US");
  custom["target_lang"] = "de-DE";
  EXPECT_EQ(riva_request(config).session.stream.target_lang, "de-DE");
  EXPECT_EQ(riva_request(config).language, "de-DE");
  custom["latency"] = "80 ms";
  EXPECT_EQ(riva_request(config).session.stream.att_context, (AttContext{56, 0}));
  for (const char* context : {"70,6", "[70, 6]"}) {  // goes before the latency
    custom["att_context_size"] = context;
    EXPECT_EQ(riva_request(config).session.stream.att_context, (AttContext{70, 6}));
  }
  custom["att_context_size"] = "70";
  EXPECT_THAT(refusal(config), HasSubstr("att_context_size is \"70\", expected two numbers"));
  custom["att_context_size"] = "70,6";
  custom["latency"] = "90ms";
  EXPECT_THAT(refusal(config), HasSubstr("latency is \"90ms\", expected one of 1120ms, 320ms, 80ms"));
}

TEST(RivaRequest, UnknownNamesArePassedOverAndToldOnce) {
  std::vector<std::string> told;
  log::set_sink([&](log::Level, std::string_view message) { told.emplace_back(message); });
  RecognitionConfig config;
  auto& custom = *config.mutable_custom_configuration();
  for (const char* key : {"enable_vad_endpointing", "neural_vad.onset", "apply_partial_itn"})
    custom[key] = "0.65";
  custom["latency"] = "80ms";
  config.set_model("parakeet-1.1b-en-US-asr-streaming-silero-vad-sortformer");
  for (int time = 0; time < 3; ++time) {
    EXPECT_EQ(refusal(config), "no error");
    EXPECT_EQ(riva_request(config).session.stream.att_context, (AttContext{56, 0}));
  }
  EXPECT_EQ(told.size(), 4u);
  EXPECT_THAT(told, Contains(HasSubstr("model \"parakeet-1.1b")));
  EXPECT_THAT(told, Contains(HasSubstr("\"neural_vad.onset\" is unknown")));
  for (int name = 0; name < 1000; ++name) {
    config.set_model("model " + std::to_string(name));
    riva_request(config);
  }
  EXPECT_LE(told.size(), 100u);
  EXPECT_THAT(told.back(), HasSubstr("not told any more"));
  log::set_sink({});
}

TEST(RivaRequest, AMistypedKeyIsRefused) {
  for (const auto& [key, meant] : {std::pair{"latncy", "latency"},
                                   {"Latency", "latency"},
                                   {"target-language", ""},
                                   {"target-lang", "target_lang"},
                                   {"stop_history_eos", "stop_history_eou"},
                                   {"stop_history", ""}}) {
    RecognitionConfig config;
    (*config.mutable_custom_configuration())[key] = "80ms";
    const std::string wanted = *meant ? std::string("(did you mean ") + meant + "?)" : "";
    EXPECT_THAT(refusal(config), HasSubstr(wanted)) << key;
    EXPECT_EQ(refusal(config) == "no error", wanted.empty()) << key;
  }
}

TEST(RivaRequest, BoostedPhrases) {
  RecognitionConfig config;
  riva::asr::SpeechContext* unset = config.add_speech_contexts();
  unset->add_phrases("Piraeus");
  unset->add_phrases("$MONTH");  // Riva's class names have no effect
  unset->add_phrases("");
  riva::asr::SpeechContext* ours = config.add_speech_contexts();
  ours->add_phrases("Plovdiv");
  ours->set_boost(4);
  riva::asr::SpeechContext* rivas = config.add_speech_contexts();
  rivas->add_phrases("Thessaloniki");
  rivas->set_boost(20);
  const std::vector<BoostedPhrase> phrases = riva_request(config).session.stream.boosted_phrases;
  ASSERT_EQ(phrases.size(), 3u);
  EXPECT_EQ(phrases[0].text, "Piraeus");
  EXPECT_EQ(phrases[0].score, kDefaultBoost);
  EXPECT_EQ(phrases[1].score, 4);
  EXPECT_EQ(phrases[2].score, kMostBoost);
}

TEST(RivaRequest, WhatCannotBeDone) {
  RecognitionConfig config;
  config.set_profanity_filter(true);
  EXPECT_THAT(refusal(config), HasSubstr("profanity_filter is not supported"));
  config = {};
  config.mutable_diarization_config()->set_enable_speaker_diarization(true);
  EXPECT_THAT(refusal(config), HasSubstr("diarization is not supported"));
  config = {};
  config.add_speech_contexts()->set_boost(-1);
  EXPECT_THAT(refusal(config), HasSubstr("speech_contexts.boost is -1, expected 0 or more"));
  config = {};
  config.set_max_alternatives(5);
  EXPECT_EQ(refusal(config), "no error");  // fewer may be returned
  config.set_max_alternatives(-1);
  EXPECT_THAT(refusal(config), HasSubstr("max_alternatives"));
}

// Field numbers are a promise to clients that were built against NVIDIA's files.
TEST(RivaProtos, NumbersOnTheWire) {
  RecognitionConfig config;
  config.set_encoding(riva::ALAW);
  config.set_sample_rate_hertz(8000);
  config.set_enable_automatic_punctuation(true);
  config.set_verbatim_transcripts(true);
  config.mutable_diarization_config()->set_max_speaker_count(2);
  config.mutable_endpointing_config()->set_stop_history_eou(1);
  EXPECT_EQ(config.SerializeAsString(),
            std::string("\x08\x14\x10\xc0\x3e\x58\x01\x70\x01\x9a\x01\x02\x10\x02\xca\x01\x02\x28\x01", 19));
  riva::asr::StreamingRecognizeResponse response;
  riva::asr::StreamingRecognitionResult& result = *response.add_results();
  result.add_alternatives()->add_language_code("a");
  result.mutable_alternatives(0)->add_words()->set_language_code("b");
  result.set_is_final(true);
  result.set_channel_tag(3);
  response.mutable_id()->set_value("c");
  EXPECT_EQ(response.SerializeAsString(), std::string("\x0a\x0e\x0a\x08\x1a\x03\x32\x01"
                                                      "b\x22\x01"
                                                      "a\x10\x01\x28\x03\xa2\x06\x03\x0a\x01"
                                                      "c",
                                                      22));
}

}  // namespace
}  // namespace glossa::serve
