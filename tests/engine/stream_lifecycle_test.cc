// Streams of awkward lengths and contents: every one closes, and says so.
#include <gtest/gtest.h>
#include <unistd.h>

#include <cmath>
#include <filesystem>
#include <limits>

#include "engine/recognizer_impl.h"
#include "engine/test_streams.h"
#include "support/message_of.h"
#include "support/tiny_model.h"
#include "text/lang_tag.h"

namespace glossa::testing {
namespace {

class StreamLifecycle : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = std::filesystem::temp_directory_path() / ("glossa_lifecycle_" + std::to_string(::getpid()));
    recognizer_ = Recognizer::load({.model = write_tiny_model({.blank_bias = 1.0}, folder_), .threads = 1});
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::filesystem::path folder_;
  std::shared_ptr<const Recognizer> recognizer_;
};

TEST_F(StreamLifecycle, EveryLengthClosesInEveryModeAtEveryLatency) {
  const auto noise = wandering_noise(40000, 5);
  for (const int length : {0,    1,    159,  160,  161,   198,   199,   200,   1119,  1120, 1279,
                           1280, 1281, 1359, 1360, 10080, 10081, 17919, 17920, 17921, 40000}) {
    for (const StreamingMode mode : kModes) {
      for (const int right : {0, 1, 3, 6, 13}) {
        const auto stream = recognizer_->create_stream({.att_context = AttContext{56, right}, .mode = mode});
        stream->accept_waveform(std::span(noise).first(static_cast<std::size_t>(length)));
        stream->input_finished();
        int steps = 0;
        Stream* streams[] = {stream.get()};
        while (stream->is_ready() && steps < 1000) {
          recognizer_->decode(streams);
          ++steps;
        }
        EXPECT_FALSE(stream->is_ready()) << length << " samples";
        if (mode == StreamingMode::kExact) {
          EXPECT_EQ(steps > 0, length > 0) << length << " samples: every sample of sound is heard";
        }
        EXPECT_DOUBLE_EQ(stream->transcript().duration, length / 16000.0);
      }
    }
  }
}

TEST_F(StreamLifecycle, StrangeSamplesNeitherCrashNorWedge) {
  const float infinity = std::numeric_limits<float>::infinity();
  const float not_a_number = std::numeric_limits<float>::quiet_NaN();
  const float largest = std::numeric_limits<float>::max();
  for (const float value :
       {0.0f, 1.0f, -1.0f, 32767.0f, largest, -largest, infinity, -infinity, not_a_number, 1e-40f}) {
    const std::vector<float> constant(48000, value);
    std::vector<float> clipped(48000);
    for (std::size_t index = 0; index < clipped.size(); ++index)
      clipped[index] = index % 50 < 25 ? value : -value;
    for (const auto& pcm : {constant, clipped}) {
      const auto stream = recognizer_->create_stream({});
      run_whole(*recognizer_, *stream, pcm);
      EXPECT_FALSE(stream->is_ready());
      for (const Token& token : stream->transcript().tokens) {
        EXPECT_TRUE(std::isfinite(token.log_prob)) << value;
        EXPECT_GE(token.confidence, 0.0f);
        EXPECT_LE(token.confidence, 1.0f);
      }
    }
  }
}

// The random model writes commas alone, and boosted, tags and words behind them.
const std::vector<BoostedPhrase> kTags = {{",<en-US> the, the,", kMostBoost}, {",<el-GR>", kMostBoost}};

TEST_F(StreamLifecycle, WhatIsForgottenWasAllThereWas) {
  const auto noise = wandering_noise(16000 * 30, 8);
  const StreamOptions options{.att_context = AttContext{56, 0}, .boosted_phrases = kTags};
  const auto stream = recognizer_->create_stream(options);
  const auto whole = recognizer_->create_stream(options);
  run_whole(*recognizer_, *whole, noise);
  struct Heard {
    std::vector<int> tokens;
    std::vector<std::string> sentences;
    std::vector<double> word_ends;
    std::vector<int> word_tokens;      // of all words
    std::vector<int> sentence_tokens;  // of all sentences

    // The first so many of each.
    void take(const Transcript& transcript, std::size_t token_count, std::size_t sentence_count,
              std::size_t word_count) {
      for (std::size_t at = 0; at < token_count; ++at) tokens.push_back(transcript.tokens[at].id);
      const auto add = [&](const auto& span, std::vector<int>& ids) {
        for (std::size_t at = span.first_token; at < span.last_token; ++at)
          ids.push_back(transcript.tokens.at(at).id);
      };
      for (std::size_t at = 0; at < sentence_count; ++at) {
        sentences.push_back(transcript.sentences[at].text);
        add(transcript.sentences[at], sentence_tokens);
      }
      for (std::size_t at = 0; at < word_count; ++at) {
        word_ends.push_back(transcript.words[at].end);
        add(transcript.words[at], word_tokens);
      }
    }
    void take_all(const Transcript& transcript) {
      take(transcript, transcript.tokens.size(), transcript.sentences.size(), transcript.words.size());
    }
  };
  Heard heard;
  std::size_t most = 0;
  Stream* streams[] = {stream.get()};
  for (std::size_t at = 0; at < noise.size(); at += 1280) {
    stream->accept_waveform(std::span(noise).subspan(at, 1280));
    if (at + 1280 >= noise.size()) stream->input_finished();
    while (stream->is_ready()) recognizer_->decode(streams);
    const Transcript before = stream->transcript();
    stream->forget_closed();
    const Transcript& after = stream->transcript();
    heard.take(before, before.tokens.size() - after.tokens.size(),
               before.sentences.size() - after.sentences.size(), before.words.size() - after.words.size());
    most = std::max(most, after.tokens.size());
    EXPECT_TRUE(before.text.ends_with(after.text)) << before.text << " | " << after.text;
    EXPECT_EQ(before.language, after.language);
  }
  heard.take_all(stream->transcript());
  Heard expected;
  expected.take_all(whole->transcript());
  EXPECT_EQ(heard.tokens, expected.tokens);
  EXPECT_EQ(heard.sentences, expected.sentences);
  EXPECT_EQ(heard.word_ends, expected.word_ends);
  EXPECT_EQ(heard.word_tokens, expected.word_tokens);
  EXPECT_EQ(heard.sentence_tokens, expected.sentence_tokens);
  EXPECT_GT(expected.sentences.size(), 20u);
  EXPECT_LT(most, expected.tokens.size() / 4);
}

// A transcript is put together piece by piece, tag by tag.
TEST_F(StreamLifecycle, TheTextIsThatOfAllTokensAtOnce) {
  const auto& recognizer = dynamic_cast<const engine::RecognizerImpl&>(*recognizer_);
  const auto noise = wandering_noise(16000 * 60, 8);
  for (const bool keep : {true, false}) {
    const auto stream = recognizer_->create_stream(
        {.att_context = AttContext{56, 0}, .keep_lang_tags = keep, .boosted_phrases = kTags});
    std::size_t tags = 0;
    Stream* streams[] = {stream.get()};
    for (std::size_t at = 0; at < noise.size(); at += 1280) {
      stream->accept_waveform(std::span(noise).subspan(at, 1280));
      while (stream->is_ready()) recognizer_->decode(streams);
      const Transcript& transcript = stream->transcript();
      std::vector<int> ids;
      double score = 0;
      tags = 0;
      for (const Token& token : transcript.tokens) {
        ids.push_back(token.id);
        score += token.log_prob;
        tags += recognizer.lang_tags()[static_cast<std::size_t>(token.id)].empty() ? 0 : 1;
      }
      const std::string text = recognizer.detokenizer().text(ids);
      ASSERT_EQ(transcript.text, keep ? text : text::strip_lang_tags(text));
      ASSERT_EQ(transcript.score, score);
      for (const Word& word : transcript.words) {
        const auto own = std::span(ids).subspan(word.first_token, word.last_token - word.first_token);
        std::string own_text = recognizer.detokenizer().text(own);
        std::erase(own_text, ' ');
        std::string word_text = word.text;
        std::erase(word_text, ' ');
        ASSERT_EQ(own_text, word_text);
      }
    }
    EXPECT_GT(tags, 10u);
  }
}

TEST_F(StreamLifecycle, NotANumberCountsAsSilence) {
  auto pcm = wandering_noise(20000, 6);
  auto with_zeros = pcm;
  for (std::size_t index = 5000; index < 6000; ++index) {
    pcm[index] = std::numeric_limits<float>::quiet_NaN();
    with_zeros[index] = 0;
  }
  EXPECT_EQ(run_whole(*recognizer_, *recognizer_->create_stream({}), pcm),
            run_whole(*recognizer_, *recognizer_->create_stream({}), with_zeros));
}

TEST_F(StreamLifecycle, MisuseIsAnErrorThatNamesIt) {
  const auto expect_error = [](const auto& action, const std::string& part) {
    EXPECT_THAT(message_of(action, ErrorCode::kInvalidArgument), ::testing::HasSubstr(part));
  };
  const auto stream = recognizer_->create_stream({});
  stream->input_finished();
  const std::vector<float> pcm(10);
  expect_error([&] { stream->accept_waveform(pcm); }, "input_finished");
  expect_error([&] { recognizer_->create_stream({.att_context = AttContext{56, 4}}); }, "[56,4]");
  expect_error([&] { recognizer_->create_stream({.att_context = AttContext{-1, 0}}); }, "[-1,0]");
  expect_error([&] { recognizer_->create_stream({.max_symbols = -1}); }, "max_symbols");
  expect_error([&] { recognizer_->create_stream({.final_silence = -0.1}); }, "final_silence is -0.1");
  expect_error([&] { recognizer_->create_stream({.final_silence = 11}); }, "expected 0 to 10");
  expect_error([&] { recognizer_->create_stream({.target_lang = "dd-DE"}); }, "de-DE");
  expect_error([&] { stream->set_target_lang("xx-XX"); }, "xx-XX");
  const auto ready = recognizer_->create_stream({});
  ready->accept_waveform(wandering_noise(20000, 1));
  Stream* twice[] = {ready.get(), ready.get()};
  expect_error([&] { recognizer_->decode(twice); }, "twice");
  const auto other = Recognizer::load({.model = write_tiny_model({.seed = 9}, folder_), .threads = 1});
  Stream* foreign[] = {ready.get()};
  expect_error([&] { other->decode(foreign); }, "stream 0");
  expect_error([&] { Recognizer::load({.model = "x", .threads = -1}); }, "threads");
  EXPECT_EQ(
      recognizer_->create_stream({.target_lang = "xx-XX", .unknown_lang_is_auto = true})->transcript().text,
      "");
}

TEST_F(StreamLifecycle, FinalSilenceIsHeardAndNotTimed) {
  const auto pcm = wandering_noise(31234, 8);
  std::vector<float> padded = pcm;
  padded.resize(pcm.size() + 16000);
  for (const AttContext context : {AttContext{56, 0}, AttContext{56, 13}}) {
    const auto by_hand = recognizer_->create_stream({.att_context = context});
    const Outcome expected = run_whole(*recognizer_, *by_hand, padded);
    const auto stream = recognizer_->create_stream({.att_context = context, .final_silence = 1});
    EXPECT_EQ(run_whole(*recognizer_, *stream, pcm), expected);
    ASSERT_GT(expected.frames.back(), 24) << "a label in the silence, or the test shows nothing";
    const Transcript& transcript = stream->transcript();
    EXPECT_DOUBLE_EQ(transcript.duration, 31234 / 16000.0);
    const double last_frame = 25 * 0.08;  // 31234 samples are 24.4 encoder frames
    EXPECT_DOUBLE_EQ(transcript.decoded, last_frame);
    EXPECT_LT(by_hand->transcript().words.front().start, last_frame - 0.08);
    for (const Word& word : transcript.words) {
      EXPECT_LE(word.end, transcript.duration);
      EXPECT_LT(word.start, word.end);
    }
    EXPECT_LE(transcript.sentences.back().end, transcript.duration);
    stream->reset();
    EXPECT_EQ(run_whole(*recognizer_, *stream, pcm), expected);
  }
  const auto silent = recognizer_->create_stream({.final_silence = 1});
  silent->input_finished();
  EXPECT_FALSE(silent->is_ready()) << "nothing was said: nothing is heard";
}

TEST_F(StreamLifecycle, AnyValidContextRunsNotOnlyListedOnes) {
  const auto pcm = wandering_noise(60000, 8);
  for (const AttContext context :
       {AttContext{0, 0}, AttContext{0, 9}, AttContext{12, 3}, AttContext{120, 19}}) {
    const auto stream = recognizer_->create_stream({.att_context = context});
    run_whole(*recognizer_, *stream, pcm);
    EXPECT_FALSE(stream->is_ready());
  }
}

TEST_F(StreamLifecycle, TheStreamKeepsItsRecognizerAlive) {
  auto recognizer = Recognizer::load({.model = write_tiny_model({.seed = 3}, folder_), .threads = 1});
  auto stream = recognizer->create_stream({});
  recognizer.reset();
  stream->accept_waveform(wandering_noise(1000, 2));
  stream.reset();
}

}  // namespace
}  // namespace glossa::testing
