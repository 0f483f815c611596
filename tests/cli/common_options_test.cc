#include "cli/common_options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/option_values.h"

namespace glossa::cli {
namespace {

using ::testing::HasSubstr;

ModelInfo model_with(std::vector<AttContext> contexts) {
  ModelInfo model;
  model.frame_seconds = 0.08;
  model.att_contexts = std::move(contexts);
  return model;
}

TEST(AttContextText, TakesTheFormsOfNeMoAndHydra) {
  const AttContext expected{.left = 56, .right = 3};
  for (const char* text : {"56,3", "[56,3]", "[56, 3]", " ( 56 ,3 ) "}) {
    EXPECT_EQ(parse_att_context(text, "--x"), expected) << text;
  }
  for (const char* text : {"", "56", "56,", ",3", "56,3,1", "[56,3", "56;3", "-1,3", "a,b", "56,3x",
                           "[[56,3]]", "99999999999,0"}) {
    EXPECT_THROW(parse_att_context(text, "--x"), Error) << text;
  }
}

TEST(Latency, PrefersTheCheckpointsOwnContext) {
  const ModelInfo prompt = model_with({{56, 13}, {56, 6}, {56, 3}, {56, 0}});
  EXPECT_EQ(latency_context("80ms", prompt, "--latency"), (AttContext{56, 0}));
  EXPECT_EQ(latency_context("160ms", prompt, "--latency"),
            (AttContext{56, 1}));  // not listed, but it divides 56
  EXPECT_EQ(latency_context("320", prompt, "--latency"), (AttContext{56, 3}));
  EXPECT_EQ(latency_context("1120ms", prompt, "--latency"), (AttContext{56, 13}));
  // The English checkpoint: 70 frames to the left.
  const ModelInfo english = model_with({{70, 13}, {70, 6}, {70, 1}, {70, 0}});
  EXPECT_EQ(latency_context("560ms", english, "--latency"), (AttContext{70, 6}));
  EXPECT_THROW(latency_context("320ms", english, "--latency"), Error);
}

TEST(Latency, ErrorsListWhatIsUsable) {
  const ModelInfo model = model_with({{56, 13}});
  for (const char* text : {"100ms", "0", "-80ms", "", "fast", "240ms", "80s"}) {
    try {
      latency_context(text, model, "--latency");
      FAIL() << text;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument);
      EXPECT_THAT(error.what(), HasSubstr("80ms, 160ms, 320ms, 560ms"));
      EXPECT_THAT(error.what(), HasSubstr("from --latency"));
    }
  }
}

TEST(StreamOptionsOf, NothingGivenMeansTheDefaults) {
  const StreamOptions stream = stream_options({}, model_with({{56, 13}}));
  EXPECT_EQ(stream.att_context, std::nullopt);
  EXPECT_EQ(stream.target_lang, "auto");
  EXPECT_EQ(stream.mode, StreamingMode::kExact);
  EXPECT_FALSE(stream.keep_lang_tags);
}

TEST(StreamOptionsOf, CarriesEveryOption) {
  const RecognitionOptions options{.target_lang = "de",
                                   .latency = "320ms",
                                   .streaming = "uniform",
                                   .search = {.decoding = "beam", .beam_size = 3, .max_symbols = 5},
                                   .keep_lang_tags = true,
                                   .fallback_to_auto = true,
                                   .boost = {.phrases = {"Athens"}, .file = "", .score = 3}};
  const StreamOptions stream = stream_options(options, model_with({{56, 13}}));
  EXPECT_EQ(stream.att_context, (AttContext{56, 3}));
  EXPECT_EQ(stream.target_lang, "de");
  EXPECT_EQ(stream.mode, StreamingMode::kUniform);
  EXPECT_EQ(stream.max_symbols, 5);
  EXPECT_EQ(stream.beam_size, 3);
  EXPECT_TRUE(stream.keep_lang_tags);
  EXPECT_TRUE(stream.unknown_lang_is_auto);
  ASSERT_EQ(stream.boosted_phrases.size(), 1u);
  EXPECT_EQ(stream.boosted_phrases[0].text, "Athens");
  EXPECT_EQ(stream.boosted_phrases[0].score, 3);
}

TEST(Between, SaysWhatWasExpected) {
  const auto check = between(1, 8);
  EXPECT_EQ(check("1"), "");
  EXPECT_EQ(check("8"), "");
  for (const char* text : {"0", "9", "", "x", "1.5", "99999999999999"}) {
    EXPECT_THAT(check(text), HasSubstr("expected 1 to 8")) << text;
  }
}

}  // namespace
}  // namespace glossa::cli
