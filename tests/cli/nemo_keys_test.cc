#include "cli/nemo_keys.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/message_of.h"

namespace glossa::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

NemoKeys parse(std::vector<std::string> words) {
  words.emplace_back("audio_file=a.wav");
  return parse_nemo_keys(words);
}

std::string error_of(const std::vector<std::string>& words) {
  return testing::message_of([&] { parse_nemo_keys(words); }, ErrorCode::kInvalidArgument);
}

TEST(NemoKeyWords, AreRecognised) {
  for (const char* word : {"model_path=x", "++rnnt_decoding.greedy.max_symbols=5", "a=", "+amp=true"}) {
    EXPECT_TRUE(is_key_value(word)) << word;
  }
  for (const char* word : {"a.wav", "-", "dir/a=b.wav", "=x", "", "1=2", "my file=2", "/dev/null"}) {
    EXPECT_FALSE(is_key_value(word)) << word;
  }
}

TEST(NemoKeys, DefaultsAreTheScripts) {
  const NemoKeys keys = parse({});
  EXPECT_EQ(keys.batch_size, 32);
  EXPECT_EQ(keys.target_lang, "auto");
  EXPECT_EQ(keys.audio_type, "wav");
  EXPECT_FALSE(keys.strip_lang_tags);
  EXPECT_FALSE(keys.pad_and_drop_preencoded);
  EXPECT_FALSE(keys.compare_vs_offline);
  EXPECT_EQ(keys.att_context_size, std::nullopt);
  EXPECT_TRUE(keys.not_used.empty());
}

TEST(NemoKeys, ReadsEveryKey) {
  const NemoKeys keys = parse(
      {"model_path=M.nemo", "output_path=D", "batch_size=4", "att_context_size=[56,3]", "target_lang=es-ES",
       "strip_lang_tags=True", "pad_and_drop_preencoded=yes", "compare_vs_offline=1", "audio_type=flac",
       "rnnt_decoding.strategy=greedy_batch", "rnnt_decoding.greedy.max_symbols=7", "chunk_size=-1",
       R"(lang_tag_pattern='\s*<[a-z]{2}-[A-Z]{2}>')", "decoder_type=null", "online_normalization=false"});
  EXPECT_EQ(keys.model_path, "M.nemo");
  EXPECT_EQ(keys.audio_file, "a.wav");
  EXPECT_EQ(keys.output_path, "D");
  EXPECT_EQ(keys.batch_size, 4);
  EXPECT_EQ(keys.att_context_size, (AttContext{56, 3}));
  EXPECT_EQ(keys.target_lang, "es-ES");
  EXPECT_TRUE(keys.strip_lang_tags);
  EXPECT_TRUE(keys.pad_and_drop_preencoded);
  EXPECT_TRUE(keys.compare_vs_offline);
  EXPECT_EQ(keys.audio_type, "flac");
  EXPECT_EQ(keys.max_symbols, 7);
}

TEST(NemoKeys, NullIsTheDefault) {
  const NemoKeys keys =
      parse({"target_lang=null", "batch_size=null", "att_context_size=None", "output_path="});
  EXPECT_EQ(keys.target_lang, "auto");
  EXPECT_EQ(keys.batch_size, 32);
  EXPECT_EQ(keys.att_context_size, std::nullopt);
  EXPECT_TRUE(keys.output_path.empty());
}

TEST(NemoKeys, WhatGlossaDoesNotUseIsNamed) {
  const NemoKeys keys =
      parse({"cuda=0", "amp=true", "compute_dtype=bfloat16", "rnnt_decoding.fused_batch_size=-1"});
  EXPECT_THAT(keys.not_used, ElementsAre("cuda", "amp", "compute_dtype", "rnnt_decoding.fused_batch_size"));
}

TEST(NemoKeys, MistakesNameTheNearestKey) {
  EXPECT_THAT(error_of({"audio_file=a", "bach_size=4"}), HasSubstr("nearest known one: batch_size"));
  EXPECT_THAT(error_of({"audio_file=a", "target_language=de"}), HasSubstr("nearest known one: target_lang"));
  EXPECT_THAT(error_of({"audio_file=a", "att_context=[1,0]"}),
              HasSubstr("nearest known one: att_context_size"));
}

TEST(NemoKeys, WrongValuesNameTheKey) {
  EXPECT_THAT(error_of({"audio_file=a", "batch_size=0"}), HasSubstr("got 0, from batch_size="));
  EXPECT_THAT(error_of({"audio_file=a", "batch_size=4x"}), HasSubstr("batch_size="));
  EXPECT_THAT(error_of({"audio_file=a", "strip_lang_tags=maybe"}),
              HasSubstr("expected true or false, got maybe"));
  EXPECT_THAT(error_of({"audio_file=a", "att_context_size=56"}), HasSubstr("att_context_size="));
  EXPECT_THAT(error_of({"audio_file=a", "rnnt_decoding.strategy=maes"}), HasSubstr("greedy_batch"));
  EXPECT_THAT(error_of({"audio_file=a", "lang_tag_pattern=<.*>"}), HasSubstr("lang_tag_pattern"));
  EXPECT_THAT(error_of({"audio_file=a", "pretrained_name=nvidia/x"}), HasSubstr("model_path="));
  EXPECT_THAT(error_of({"audio_file=a", "decoder_type=ctc"}), HasSubstr("decoder_type="));
}

TEST(NemoKeys, ExactlyOneInput) {
  EXPECT_THAT(error_of({"model_path=M"}), HasSubstr("exactly one of"));
  EXPECT_THAT(error_of({"audio_file=a", "audio_dir=b"}), HasSubstr("got 2"));
}

}  // namespace
}  // namespace glossa::cli
