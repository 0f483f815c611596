// Beam search in streams. Oracle: the stream itself, computed in another way that must not matter; what NeMo
// finds is in tests/parity/transducer_test.cc.
#include "engine/beam_decoder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <limits>

#include "audio/audio_file.h"
#include "engine/test_streams.h"
#include "glossa/error.hpp"
#include "lm/arpa.h"
#include "lm/ngram_estimate.h"
#include "support/golden.h"
#include "support/message_of.h"
#include "support/tiny_model.h"

namespace glossa::testing {
namespace {

using ::testing::HasSubstr;

// Of a transcript or an alternative.
std::vector<int> ids_of(const auto& said) {
  std::vector<int> ids;
  for (const Token& token : said.tokens) ids.push_back(token.id);
  return ids;
}

// What all alternatives begin with.
std::vector<int> agreed(const std::vector<Alternative>& alternatives) {
  std::vector<int> common = ids_of(alternatives.front());
  for (const Alternative& one : alternatives) {
    const std::vector<int> ids = ids_of(one);
    common.erase(std::mismatch(common.begin(), common.end(), ids.begin(), ids.end()).first, common.end());
  }
  return common;
}

bool begins_with(const std::vector<int>& ids, const std::vector<int>& beginning) {
  return ids.size() >= beginning.size() && std::equal(beginning.begin(), beginning.end(), ids.begin());
}

class BeamStream : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = std::filesystem::temp_directory_path() / ("glossa_beam_" + std::to_string(::getpid()));
    recognizer_ = Recognizer::load({.model = write_tiny_model({.blank_bias = 1.0}, folder_), .threads = 2});
    pcm_ = wandering_noise(16000 * 6, 3);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  Outcome whole(const StreamOptions& options) const {
    return run_whole(*recognizer_, *recognizer_->create_stream(options), pcm_);
  }

  std::filesystem::path folder_;
  std::shared_ptr<const Recognizer> recognizer_;
  std::vector<float> pcm_;
};

TEST_F(BeamStream, NeitherSlicesNorTheBatchNorResetChangeIt) {
  for (const auto& [right, delay] : {std::pair<int, std::optional<double>>(0, std::nullopt),
                                     {3, std::nullopt},
                                     {13, std::nullopt},
                                     {0, 0.16},
                                     {3, 0.48}}) {
    const StreamOptions options{.att_context = AttContext{56, right}, .beam_size = 4, .settle_delay = delay};
    const auto stream = recognizer_->create_stream(options);
    const Outcome expected = run_whole(*recognizer_, *stream, pcm_);
    ASSERT_FALSE(expected.ids.empty());
    stream->reset();
    EXPECT_EQ(run_whole(*recognizer_, *stream, pcm_), expected);

    StreamOptions offline = options;
    offline.mode = StreamingMode::kOffline;
    EXPECT_EQ(whole(offline), expected);

    const auto sliced = recognizer_->create_stream(options);
    const auto wider = recognizer_->create_stream({.beam_size = 7});
    const auto greedy = recognizer_->create_stream({});
    Stream* all[] = {greedy.get(), sliced.get(), wider.get()};
    greedy->accept_waveform(pcm_);
    wider->accept_waveform(pcm_);
    for (std::size_t at = 0; at < pcm_.size(); at += 1234) {
      sliced->accept_waveform(std::span(pcm_).subspan(at, std::min<std::size_t>(1234, pcm_.size() - at)));
      recognizer_->decode(all);
    }
    for (Stream* one : all) one->input_finished();
    while (std::any_of(std::begin(all), std::end(all), [](const Stream* one) { return one->is_ready(); }))
      recognizer_->decode(all);
    EXPECT_EQ(outcome_of(*sliced), expected);
    EXPECT_EQ(outcome_of(*greedy), whole({}));
    EXPECT_EQ(outcome_of(*wider), whole({.beam_size = 7}));
  }
}

// A model that hears words.
class BeamOfSpeech : public ::testing::Test {
 protected:
  std::shared_ptr<const Recognizer> recognizer_ =
      Recognizer::load({.model = golden_model_path("tiny"), .threads = 2});
  std::vector<float> pcm_ =
      audio::read_audio(golden_dir() / "audio" / "en-US_0.wav", recognizer_->info().sample_rate).samples;
};

TEST_F(BeamOfSpeech, FindsWhatGreedySearchOverlooksAndScoresIt) {
  const auto stream = recognizer_->create_stream({.beam_size = 4});
  run_whole(*recognizer_, *stream, pcm_);
  const auto greedy = recognizer_->create_stream({});
  EXPECT_NE(outcome_of(*stream).ids, run_whole(*recognizer_, *greedy, pcm_).ids);
  const std::vector<Alternative> found = stream->alternatives();
  ASSERT_GT(found.size(), 1u);
  ASSERT_LE(found.size(), 4u);
  EXPECT_EQ(found.front().text, stream->transcript().text);
  EXPECT_EQ(ids_of(found.front()), outcome_of(*stream).ids);
  std::vector<std::vector<int>> different;
  double last = std::numeric_limits<double>::infinity();
  for (const Alternative& one : found) {
    const double per_label = one.score / (static_cast<double>(one.tokens.size()) + 1);
    EXPECT_LE(per_label, last);
    last = per_label;
    EXPECT_LT(one.score, 0);
    EXPECT_EQ(std::count(different.begin(), different.end(), ids_of(one)), 0) << "equal labels are merged";
    different.push_back(ids_of(one));
    EXPECT_TRUE(std::is_sorted(one.tokens.begin(), one.tokens.end(),
                               [](const Token& a, const Token& b) { return a.frame < b.frame; }));
  }
}

TEST_F(BeamOfSpeech, WhatIsSettledIsNeverTakenBack) {
  int taken_back = 0;
  for (const std::optional<double> delay : {std::optional<double>(), {0.0}, {0.16}, {0.48}}) {
    for (const int right : {0, 3}) {
      const auto stream = recognizer_->create_stream(
          {.att_context = AttContext{56, right}, .beam_size = 4, .settle_delay = delay});
      std::vector<int> settled;
      std::vector<int> drafted;
      double settled_until = 0;
      for (std::size_t at = 0; at < pcm_.size(); at += 1280) {
        stream->accept_waveform(std::span(pcm_).subspan(at, std::min<std::size_t>(1280, pcm_.size() - at)));
        decode_ready(*recognizer_, *stream);
        const Transcript& now = stream->transcript();
        const Transcript draft = stream->drafted();
        const std::vector<Alternative> all = stream->alternatives();
        ASSERT_TRUE(begins_with(ids_of(now), settled));
        for (const Alternative& one : all) ASSERT_TRUE(begins_with(ids_of(one), ids_of(now)));
        EXPECT_EQ(ids_of(draft), ids_of(all.front()));
        EXPECT_EQ(draft.text, all.front().text);
        for (std::size_t index = settled.size(); index < now.tokens.size(); ++index)
          EXPECT_GE(now.tokens[index].frame * 0.08, settled_until - 1e-9);
        EXPECT_GE(now.settled, settled_until);
        EXPECT_LE(now.settled, now.decoded);
        if (delay) {
          for (std::size_t index = now.tokens.size(); index < draft.tokens.size(); ++index)
            EXPECT_GE(draft.tokens[index].frame * 0.08, now.decoded - *delay - 1e-9);
          // Another hypothesis may have the same labels some frames sooner.
          EXPECT_GE(now.settled, now.decoded - *delay - 0.4);
        } else {
          EXPECT_EQ(ids_of(now), agreed(all));
        }
        taken_back += begins_with(ids_of(draft), drafted) ? 0 : 1;
        settled = ids_of(now);
        settled_until = now.settled;
        drafted = ids_of(draft);
      }
      EXPECT_GT(settled.size(), 5u);
      stream->input_finished();
      decode_ready(*recognizer_, *stream);
      EXPECT_EQ(ids_of(stream->transcript()), ids_of(stream->alternatives().front()));
      EXPECT_EQ(stream->drafted().text, stream->transcript().text);
      EXPECT_EQ(stream->transcript().settled, stream->transcript().decoded);
    }
  }
  EXPECT_GT(taken_back, 0) << "a beam that changes no label would prove nothing";
}

// Sound that ends with a chunk needs no step to be complete.
TEST_F(BeamOfSpeech, TheEndSettlesWhatIsLeft) {
  const auto stream = recognizer_->create_stream({.att_context = AttContext{56, 0}, .beam_size = 4});
  int complete = 0;  // without another step
  for (std::size_t size = 16840; size < pcm_.size(); size += 1280) {
    stream->reset();
    stream->accept_waveform(std::span(pcm_).first(size));
    decode_ready(*recognizer_, *stream);
    const std::string drafted = stream->drafted().text;
    const bool waits = drafted != stream->transcript().text;
    stream->input_finished();
    if (!stream->is_ready()) {
      complete += waits ? 1 : 0;
      EXPECT_EQ(stream->transcript().text, drafted);
    }
    decode_ready(*recognizer_, *stream);
    EXPECT_EQ(stream->transcript().text, stream->alternatives().front().text);
    EXPECT_EQ(stream->drafted().text, stream->transcript().text);
  }
  EXPECT_GT(complete, 5);
}

TEST_F(BeamOfSpeech, WhoDoesNotWaitHearsSomethingElse) {
  const auto heard = [&](std::optional<double> delay) {
    const auto stream =
        recognizer_->create_stream({.att_context = AttContext{56, 0}, .beam_size = 4, .settle_delay = delay});
    return run_whole(*recognizer_, *stream, pcm_).ids;
  };
  const std::vector<int> patient = heard(std::nullopt);
  EXPECT_EQ(heard(kMostSettleDelay), patient) << "the recording is shorter";
  EXPECT_NE(heard(0), patient);
}

// The random model writes commas alone, and boosted, tags and words behind them.
TEST_F(BeamStream, WhatIsForgottenWasAllThereWas) {
  const StreamOptions options{
      .att_context = AttContext{56, 0},
      .boosted_phrases = {{",<en-US> the, the,", kMostBoost}, {",<el-GR>", kMostBoost}},
      .beam_size = 3};
  const Outcome expected = whole(options);
  const auto stream = recognizer_->create_stream(options);
  std::vector<int> ids;
  std::size_t most = 0;
  Stream* streams[] = {stream.get()};
  for (std::size_t at = 0; at < pcm_.size(); at += 1280) {
    stream->accept_waveform(std::span(pcm_).subspan(at, std::min<std::size_t>(1280, pcm_.size() - at)));
    if (at + 1280 >= pcm_.size()) stream->input_finished();
    while (stream->is_ready()) recognizer_->decode(streams);
    const Outcome before = outcome_of(*stream);
    stream->forget_closed();
    const Outcome after = outcome_of(*stream);
    EXPECT_TRUE(before.text.ends_with(after.text)) << before.text << " | " << after.text;
    ids.insert(ids.end(), before.ids.begin(),
               before.ids.end() - static_cast<std::ptrdiff_t>(after.ids.size()));
    most = std::max(most, after.ids.size());
  }
  const Outcome rest = outcome_of(*stream);
  ids.insert(ids.end(), rest.ids.begin(), rest.ids.end());
  EXPECT_EQ(ids, expected.ids);
  EXPECT_LT(most * 2, expected.ids.size());
}

TEST_F(BeamStream, PhrasesLeanIt) {
  const StreamOptions plain{.beam_size = 4};
  StreamOptions boosted = plain;
  boosted.boosted_phrases = {{",<en-US> the", kMostBoost}};
  EXPECT_THAT(whole(plain).text, ::testing::Not(HasSubstr("the")));
  EXPECT_THAT(whole(boosted).text, HasSubstr("the"));
}

TEST_F(BeamOfSpeech, FramesNeverRunBackwards) {
  int clips = 0;
  for (const auto& path : list_files(golden_dir() / "audio", "", ".wav")) {
    const std::vector<float> pcm = audio::read_audio(path, recognizer_->info().sample_rate).samples;
    if (pcm.size() < 16000 || pcm.size() > 200'000) continue;
    ++clips;
    for (const int right : {0, 3}) {
      const auto stream = recognizer_->create_stream({.att_context = AttContext{56, right}, .beam_size = 4});
      stream->accept_waveform(pcm);
      stream->input_finished();
      Stream* streams[] = {stream.get()};
      while (stream->is_ready()) {
        recognizer_->decode(streams);
        for (const Alternative& one : stream->alternatives()) {
          ASSERT_TRUE(std::is_sorted(one.tokens.begin(), one.tokens.end(),
                                     [](const Token& a, const Token& b) { return a.frame < b.frame; }))
              << path << " [56," << right << "]";
        }
      }
    }
  }
  EXPECT_GT(clips, 5);
}

TEST_F(BeamOfSpeech, OnlyLabelsOfPhrasesAreCalledBoosted) {
  const auto boosted = [&](const std::vector<BoostedPhrase>& phrases) {
    const auto stream = recognizer_->create_stream(
        {.att_context = AttContext{56, 3}, .boosted_phrases = phrases, .beam_size = 4});
    run_whole(*recognizer_, *stream, pcm_);
    const std::vector<Token>& tokens = stream->transcript().tokens;
    return std::count_if(tokens.begin(), tokens.end(), [](const Token& token) { return token.boosted; });
  };
  EXPECT_EQ(boosted({{"zz", 0.1f}}), 0);
  EXPECT_GT(boosted({{"sunset", kMostBoost}}), 0);
}

// Labels that only the language model knows win where it may say something, and sound in slices is the same.
TEST_F(BeamStream, ALanguageModelLeansIt) {
  std::vector<std::vector<int>> text(100, {120, 121, 122, 123, 124});
  std::ofstream file(folder_ / "x.arpa", std::ios::binary);
  lm::write_arpa(lm::estimate(text, {.order = 3}), file);
  file.close();
  const StreamOptions options{
      .language_model = recognizer_->load_language_model(folder_ / "x.arpa"), .lm_alpha = 3, .beam_size = 4};
  const Outcome with = whole(options);
  const auto follows = [](const std::vector<int>& ids) {
    int count = 0;
    for (std::size_t at = 1; at < ids.size(); ++at)
      count += ids[at - 1] >= 120 && ids[at - 1] < 124 && ids[at] == ids[at - 1] + 1 ? 1 : 0;
    return count;
  };
  EXPECT_EQ(follows(whole({.beam_size = 4}).ids), 0);
  EXPECT_GT(follows(with.ids), 3) << "the model's state follows the labels";
  const auto sliced = recognizer_->create_stream(options);
  for (std::size_t at = 0; at < pcm_.size(); at += 999) {
    sliced->accept_waveform(std::span(pcm_).subspan(at, std::min<std::size_t>(999, pcm_.size() - at)));
    decode_ready(*recognizer_, *sliced);
  }
  sliced->input_finished();
  decode_ready(*recognizer_, *sliced);
  EXPECT_EQ(outcome_of(*sliced), with);
}

TEST_F(BeamStream, DelaysOutOfRangeAreRefused) {
  for (const double delay : {-0.1, kMostSettleDelay + 1, std::numeric_limits<double>::quiet_NaN()}) {
    EXPECT_THAT(message_of([&] { recognizer_->create_stream({.beam_size = 4, .settle_delay = delay}); },
                           ErrorCode::kInvalidArgument),
                HasSubstr("expected 0 to 60"))
        << delay;
  }
}

TEST_F(BeamStream, SizesOutOfRangeAreRefused) {
  for (const int size : {0, -1, kMostBeam + 1}) {
    EXPECT_THAT(
        message_of([&] { recognizer_->create_stream({.beam_size = size}); }, ErrorCode::kInvalidArgument),
        HasSubstr("beam_size is " + std::to_string(size)));
  }
}

}  // namespace
}  // namespace glossa::testing
