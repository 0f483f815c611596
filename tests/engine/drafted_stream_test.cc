// Draft and settle. Oracles: the two streams that it is made of, each alone.
#include "engine/drafted_stream.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

#include "audio/audio_file.h"
#include "engine/test_streams.h"
#include "glossa/error.hpp"
#include "support/golden.h"
#include "support/message_of.h"
#include "support/tiny_model.h"

namespace glossa::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

std::vector<Token> tokens(std::initializer_list<std::pair<int, int>> ids_and_frames) {
  std::vector<Token> made;
  for (const auto& [id, frame] : ids_and_frames) made.push_back({.id = id, .frame = frame});
  return made;
}

TEST(BehindWhatIsSettled, IsWhatTheDraftHasFromThatFrameOn) {
  const std::vector<Token> draft = tokens({{1, 2}, {2, 5}, {3, 9}, {4, 14}, {5, 15}});
  EXPECT_EQ(engine::behind(tokens({{1, 2}, {2, 5}, {3, 9}}), draft, 14), 3u);
  EXPECT_EQ(engine::behind({}, draft, 14), 3u);
  EXPECT_EQ(engine::behind({}, draft, 0), 0u);
  EXPECT_EQ(engine::behind({}, draft, 100), draft.size());
  EXPECT_EQ(engine::behind(tokens({{1, 2}}), {}, 14), 0u);
}

TEST(BehindWhatIsSettled, LabelsTellWhereFramesDoNot) {
  const auto settled = tokens({{1, 2}, {2, 5}, {3, 13}});
  // The draft wrote the last label later ...
  EXPECT_EQ(engine::behind(settled, tokens({{1, 3}, {2, 6}, {3, 15}, {4, 16}}), 14), 3u);
  // ... or one that is not settled yet sooner.
  EXPECT_EQ(engine::behind(settled, tokens({{1, 2}, {2, 5}, {3, 9}, {4, 12}, {5, 20}}), 14), 3u);
  // It has not heard the last one.
  EXPECT_EQ(engine::behind(settled, tokens({{1, 3}, {2, 6}, {4, 16}}), 14), 2u);
  // It has heard another one there: as good as none, and frames decide.
  EXPECT_EQ(engine::behind(settled, tokens({{1, 2}, {2, 5}, {9, 13}, {4, 16}}), 14), 3u);
  EXPECT_EQ(engine::behind(tokens({{3, 13}}), tokens({{9, 13}, {4, 16}}), 14), 1u);
  EXPECT_EQ(engine::behind(tokens({{3, 10}, {5, 12}}), tokens({{9, 10}, {8, 12}, {4, 16}}), 14), 2u);
  // The same word again is said again.
  EXPECT_EQ(engine::behind(tokens({{7, 2}, {7, 6}, {7, 10}}),
                           tokens({{7, 2}, {7, 6}, {7, 10}, {7, 15}, {7, 19}}), 14),
            3u);
}

TEST(BehindWhatIsSettled, NeverStandsMoreThanHalfASecondAside) {
  const auto settled = tokens({{1, 2}, {2, 5}, {3, 9}});
  EXPECT_EQ(engine::behind(settled, tokens({{1, 40}, {2, 44}, {3, 48}, {4, 50}}), 14), 0u);
  EXPECT_EQ(engine::behind(settled, tokens({{1, 2}, {2, 3}, {3, 4}, {4, 5}, {5, 6}}), 14), 5u);
}

class DraftedSpeech : public ::testing::Test {
 protected:
  Outcome alone(AttContext context, StreamOptions options = {}) const {
    options.att_context = context;
    return run_whole(*recognizer_, *recognizer_->create_stream(options), pcm_);
  }

  std::shared_ptr<const Recognizer> recognizer_ =
      Recognizer::load({.model = golden_model_path("tiny"), .threads = 2});
  std::vector<float> pcm_ =
      audio::read_audio(golden_dir() / "audio" / "long.wav", recognizer_->info().sample_rate).samples;
};

TEST_F(DraftedSpeech, WhatIsSettledIsWhatItWouldBeWithoutDraft) {
  for (const AttContext settled : {AttContext{56, 3}, AttContext{56, 13}}) {
    const Outcome expected = alone(settled);
    ASSERT_FALSE(expected.ids.empty());
    for (const StreamingMode mode : {StreamingMode::kExact, StreamingMode::kOffline}) {
      const auto stream = recognizer_->create_stream(
          {.att_context = settled, .mode = mode, .draft_att_context = AttContext{56, 0}});
      EXPECT_EQ(run_whole(*recognizer_, *stream, pcm_), expected);
      EXPECT_EQ(stream->drafted().text, expected.text);
      const auto drafted_of = [&](std::size_t samples) {
        stream->reset();
        stream->accept_waveform(std::span(pcm_).first(samples));
        decode_ready(*recognizer_, *stream);
        return stream->drafted().text;
      };
      std::size_t samples = pcm_.size();
      while (samples > 1280 && drafted_of(samples).size() <= stream->transcript().text.size())
        samples -= 1280;
      const std::string drafted = stream->drafted().text;
      ASSERT_FALSE(drafted.empty());
      stream->forget_closed();
      EXPECT_EQ(drafted_of(samples), drafted) << "after a reset nothing of what was before is left";
      stream->reset();
      EXPECT_EQ(run_whole(*recognizer_, *stream, pcm_), expected);
    }
    const auto sliced =
        recognizer_->create_stream({.att_context = settled, .draft_att_context = AttContext{56, 1}});
    const auto other = recognizer_->create_stream({.att_context = AttContext{56, 6}});
    other->accept_waveform(pcm_);
    Stream* both[] = {other.get(), sliced.get()};
    for (std::size_t at = 0; at < pcm_.size(); at += 1234) {
      sliced->accept_waveform(std::span(pcm_).subspan(at, std::min<std::size_t>(1234, pcm_.size() - at)));
      recognizer_->decode(both);
    }
    for (Stream* one : both) one->input_finished();
    while (other->is_ready() || sliced->is_ready()) recognizer_->decode(both);
    EXPECT_EQ(outcome_of(*sliced), expected);
    EXPECT_EQ(outcome_of(*other), alone(AttContext{56, 6}));
  }
}

TEST_F(DraftedSpeech, TheDraftStandsBehindWhatIsSettledWhileSoundArrives) {
  const Outcome fast = alone(AttContext{56, 0});
  for (const int beam : {1, 4}) {
    const auto stream = recognizer_->create_stream(
        {.att_context = AttContext{56, 13}, .beam_size = beam, .draft_att_context = AttContext{56, 0}});
    std::size_t ahead = 0;  // labels that were drafted
    double most_ahead = 0;  // seconds
    for (std::size_t at = 0; at < pcm_.size(); at += 1280) {
      stream->accept_waveform(std::span(pcm_).subspan(at, std::min<std::size_t>(1280, pcm_.size() - at)));
      decode_ready(*recognizer_, *stream);
      const Transcript& settled = stream->transcript();
      const Transcript drafted = stream->drafted();
      const std::vector<Token> best =
          stream->alternatives().front().tokens;  // what is settled, and the beam's
      ASSERT_THAT(drafted.text, StartsWith(settled.text.substr(0, settled.text.find_last_not_of(' ') + 1)));
      ASSERT_GE(drafted.tokens.size(), settled.tokens.size());
      ASSERT_GE(drafted.words.size(), settled.words.size());
      for (std::size_t index = 0; index < settled.tokens.size(); ++index)
        ASSERT_EQ(drafted.tokens[index].id, settled.tokens[index].id);
      // What stands behind is the end of what the fast search has by itself.
      std::vector<int> behind;
      ASSERT_GE(drafted.tokens.size(), best.size());
      for (std::size_t index = 0; index < best.size(); ++index)
        ASSERT_EQ(drafted.tokens[index].frame, best[index].frame);
      for (std::size_t index = best.size(); index < drafted.tokens.size(); ++index)
        behind.push_back(drafted.tokens[index].id);
      const auto heard = static_cast<std::size_t>(
          std::partition_point(fast.frames.begin(), fast.frames.end(),
                               [&](int frame) { return frame * 0.08 < drafted.decoded - 1e-9; }) -
          fast.frames.begin());
      ASSERT_LE(behind.size(), heard);
      ASSERT_TRUE(std::equal(behind.begin(), behind.end(),
                             fast.ids.begin() + static_cast<std::ptrdiff_t>(heard - behind.size())));
      for (std::size_t index = 1; index < drafted.tokens.size(); ++index)
        ASSERT_LE(drafted.tokens[index - 1].frame, drafted.tokens[index].frame);
      for (const Word& word : drafted.words) ASSERT_LE(word.start, word.end) << word.text;
      ahead += behind.size();
      most_ahead = std::max(most_ahead, drafted.decoded - settled.decoded);
    }
    EXPECT_GT(ahead, 20u);
    EXPECT_NEAR(most_ahead, 13 * 0.08, 1e-9);
    stream->input_finished();
    decode_ready(*recognizer_, *stream);
    EXPECT_EQ(stream->drafted().text, stream->transcript().text);
    EXPECT_EQ(outcome_of(*stream), alone(AttContext{56, 13}, {.beam_size = beam}));
  }
}

TEST_F(DraftedSpeech, ForgettingWhatIsClosedChangesNothingBehindIt) {
  const StreamOptions options{.att_context = AttContext{56, 6}, .draft_att_context = AttContext{56, 0}};
  const auto all = recognizer_->create_stream(options);
  const auto forgetful = recognizer_->create_stream(options);
  Stream* both[] = {all.get(), forgetful.get()};
  std::size_t forgotten = 0;  // labels
  for (std::size_t at = 0; at < pcm_.size(); at += 1280) {
    for (Stream* one : both)
      one->accept_waveform(std::span(pcm_).subspan(at, std::min<std::size_t>(1280, pcm_.size() - at)));
    while (all->is_ready()) recognizer_->decode(both);
    const std::size_t before = forgetful->transcript().tokens.size();
    forgetful->forget_closed();
    forgotten += before - forgetful->transcript().tokens.size();
    const Transcript whole = all->drafted();
    const Transcript rest = forgetful->drafted();
    ASSERT_EQ(rest.tokens.size() + forgotten, whole.tokens.size());
    for (std::size_t index = 0; index < rest.tokens.size(); ++index)
      ASSERT_EQ(rest.tokens[index].id, whole.tokens[forgotten + index].id);
    ASSERT_TRUE(whole.text.ends_with(rest.text)) << whole.text << "\n" << rest.text;
  }
  EXPECT_GT(forgotten, 0u);
}

TEST_F(DraftedSpeech, WithoutDraftItIsTheTranscript) {
  const auto stream = recognizer_->create_stream({});
  run_whole(*recognizer_, *stream, pcm_);
  EXPECT_EQ(stream->drafted().text, stream->transcript().text);
  EXPECT_EQ(stream->drafted().words.size(), stream->transcript().words.size());
}

TEST_F(DraftedSpeech, ADraftThatIsNoSoonerIsRefused) {
  const auto message = [&](AttContext settled, AttContext draft) -> std::string {
    return message_of(
        [&] { recognizer_->create_stream({.att_context = settled, .draft_att_context = draft}); },
        ErrorCode::kInvalidArgument);
  };
  EXPECT_THAT(message({56, 3}, {56, 3}), HasSubstr("draft_att_context is [56,3], expected shorter chunks"));
  EXPECT_THAT(message({56, 3}, {56, 13}), HasSubstr("than those of [56,3]"));
  EXPECT_THAT(message({56, 13}, {5, 3}), HasSubstr("[5,3]"));
  EXPECT_EQ(message({56, 13}, {56, 3}), "no error");
}

TEST_F(DraftedSpeech, AnUnknownLanguageChangesNeitherSearch) {
  const auto stream = recognizer_->create_stream(
      {.att_context = AttContext{56, 3}, .target_lang = "de-DE", .draft_att_context = AttContext{56, 0}});
  EXPECT_THROW(stream->set_target_lang("xx-XX"), Error);
  EXPECT_EQ(run_whole(*recognizer_, *stream, pcm_), alone(AttContext{56, 3}, {.target_lang = "de-DE"}));
}

}  // namespace
}  // namespace glossa::testing
