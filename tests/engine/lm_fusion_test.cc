#include "engine/lm_fusion.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <limits>
#include <random>

#include "engine/test_streams.h"
#include "glossa/error.hpp"
#include "lm/arpa.h"
#include "lm/ngram_estimate.h"
#include "support/message_of.h"
#include "support/tiny_model.h"

namespace glossa::testing {
namespace {

using engine::LmFusion;
using ::testing::HasSubstr;

constexpr int kVocabulary = 6;
constexpr int kTag = 4;
constexpr int kBlank = kVocabulary;

LmFusion small_fusion() {
  const std::vector<std::vector<int>> text = {{0, 1, 2}, {0, 1, 3}, {0, 1, 2, 5}};
  const std::vector<std::string> tags = {"", "", "", "", "en-US", ""};
  return {lm::NgramAutomaton(lm::estimate(text, {.order = 3}), kVocabulary, "test"), tags};
}

TEST(LmFusion, TheBestSumIsChosenAndNeitherTagsNorBlank) {
  const LmFusion fusion = small_fusion();
  const lm::NgramAutomaton automaton(
      lm::estimate(std::vector<std::vector<int>>{{0, 1, 2}, {0, 1, 3}, {0, 1, 2, 5}}, {.order = 3}),
      kVocabulary, "test");
  std::mt19937 random(2);
  std::normal_distribution<float> normal(0, 2);
  int changed = 0;
  for (int round = 0; round < 200; ++round) {
    int state = LmFusion::kStart;
    int oracle = automaton.start();
    for (int step = 0; step < 5; ++step) {
      std::vector<float> logits(kVocabulary + 1);
      for (float& logit : logits) logit = normal(random);
      logits[kTag] = logits[kBlank] = 50;
      const float alpha = 0.7f;
      int expected = -1;
      for (int label = 0; label < kVocabulary; ++label) {
        const auto sum = [&](int of) {
          return logits[static_cast<std::size_t>(of)] + alpha * automaton.log_prob(oracle, of);
        };
        if (label != kTag && (expected < 0 || sum(label) > sum(expected))) expected = label;
      }
      std::vector<float> fused(logits.size());
      ASSERT_EQ(fusion.choose(logits, state, alpha, fused), expected);
      EXPECT_EQ(fused[kTag], -std::numeric_limits<float>::infinity());
      EXPECT_EQ(fused[kBlank], -std::numeric_limits<float>::infinity());
      logits[kTag] = logits[kBlank] = -50;
      changed += std::max_element(logits.begin(), logits.end()) - logits.begin() != expected ? 1 : 0;
      state = fusion.next(state, expected);
      oracle = automaton.next(oracle, expected);
    }
  }
  EXPECT_GT(changed, 100) << "a model that changes nothing would prove nothing";
}

// NeMo's lm_weighted_full, with tags on blank's side.
TEST(LmFusion, InABeamBlankAndTagsHaveTheirOwnOpinionTwice) {
  const LmFusion fusion = small_fusion();
  const lm::NgramAutomaton automaton(
      lm::estimate(std::vector<std::vector<int>>{{0, 1, 2}, {0, 1, 3}, {0, 1, 2, 5}}, {.order = 3}),
      kVocabulary, "test");
  const float alpha = 0.4f;
  for (const double blank : {0.05, 0.6, 0.9999}) {  // the last is beyond what NeMo counts
    const double tag = (1 - blank) / 2;
    const double other = (1 - blank - tag) / 5;
    std::vector<float> scores(kVocabulary + 1, static_cast<float>(std::log(other)));
    scores[kTag] = static_cast<float>(std::log(tag));
    scores[kBlank] = static_cast<float>(std::log(blank));
    const std::vector<float> before = scores;
    std::vector<float> scratch(scores.size());
    fusion.weigh(scores, LmFusion::kStart, alpha, scratch);
    const double left = std::log(std::max(1 - blank - tag, 0.01));
    for (int label = 0; label <= kVocabulary; ++label) {
      const auto at = static_cast<std::size_t>(label);
      const double expected =
          label == kTag || label == kBlank
              ? (1 + alpha) * before[at]
              : before[at] + alpha * (left + automaton.log_prob(automaton.start(), label));
      EXPECT_NEAR(scores[at], expected, 1e-4) << label;
    }
  }
}

TEST(LmFusion, ASentenceBeginsBehindATag) {
  const LmFusion fusion = small_fusion();
  EXPECT_TRUE(fusion.is_tag(kTag));
  EXPECT_FALSE(fusion.is_tag(0));
  const int inside = fusion.next(LmFusion::kStart, 0);
  EXPECT_NE(inside, LmFusion::kStart);
  EXPECT_EQ(fusion.next(inside, kTag), LmFusion::kStart);
}

class FusedStream : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = std::filesystem::temp_directory_path() / ("glossa_lm_" + std::to_string(::getpid()));
    recognizer_ = Recognizer::load({.model = write_tiny_model({.blank_bias = 1.0}, folder_), .threads = 2});
    pcm_ = wandering_noise(16000 * 6, 3);
    // A model of what the recogniser does not say by itself.
    std::mt19937 random(4);
    std::vector<std::vector<int>> text(200);
    for (auto& sentence : text) {
      for (int left = 8; left > 0; --left)
        sentence.push_back(std::uniform_int_distribution<int>(100, 140)(random));
    }
    std::ofstream file(folder_ / "x.arpa", std::ios::binary);
    lm::write_arpa(lm::estimate(text, {.order = 3}), file);
    file.close();
    model_ = recognizer_->load_language_model(folder_ / "x.arpa");
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::string refusal(const StreamOptions& options) const {
    return message_of([&] { recognizer_->create_stream(options); }, ErrorCode::kInvalidArgument);
  }

  std::filesystem::path folder_;
  std::shared_ptr<const Recognizer> recognizer_;
  std::vector<float> pcm_;
  std::shared_ptr<const LanguageModel> model_;
};

TEST_F(FusedStream, ChangesLabelsAndNotWhereTheyAre) {
  EXPECT_EQ(model_->order(), 3);
  EXPECT_GT(model_->ngrams(), 1000u);
  const auto plain = recognizer_->create_stream({});
  const Outcome without = run_whole(*recognizer_, *plain, pcm_);
  const auto fused = recognizer_->create_stream({.language_model = model_, .lm_alpha = 3});
  const Outcome with = run_whole(*recognizer_, *fused, pcm_);
  ASSERT_FALSE(without.ids.empty());
  ASSERT_FALSE(with.ids.empty());
  EXPECT_EQ(with.frames.front(), without.frames.front()) << "blank is the recogniser's to say";
  const auto known = [](const Outcome& outcome) {
    return std::count_if(outcome.ids.begin(), outcome.ids.end(),
                         [](int id) { return id >= 100 && id <= 140; }) *
           1.0 / static_cast<double>(outcome.ids.size());
  };
  EXPECT_GT(known(with), known(without) + 0.2);
}

TEST_F(FusedStream, NeitherSlicesNorTheBatchNorResetChangeIt) {
  const StreamOptions options{.language_model = model_, .lm_alpha = 1};
  const auto whole = recognizer_->create_stream(options);
  const Outcome expected = run_whole(*recognizer_, *whole, pcm_);
  whole->reset();
  EXPECT_EQ(run_whole(*recognizer_, *whole, pcm_), expected);

  const auto sliced = recognizer_->create_stream(options);
  const auto other = recognizer_->create_stream({});
  Stream* both[] = {other.get(), sliced.get()};
  other->accept_waveform(pcm_);
  for (std::size_t at = 0; at < pcm_.size(); at += 1234) {
    sliced->accept_waveform(std::span(pcm_).subspan(at, std::min<std::size_t>(1234, pcm_.size() - at)));
    recognizer_->decode(both);
  }
  sliced->input_finished();
  while (sliced->is_ready()) recognizer_->decode(both);
  EXPECT_EQ(outcome_of(*sliced), expected);
}

TEST_F(FusedStream, WrongOnesAreRefused) {
  EXPECT_THAT(refusal({.language_model = model_, .lm_alpha = 0}),
              HasSubstr("lm_alpha is 0, expected above 0"));
  EXPECT_THAT(refusal({.language_model = model_, .lm_alpha = 6}), HasSubstr("at most 5"));
  const auto larger = Recognizer::load(
      {.model = write_tiny_model({.tokenizer = "tok1024"}, folder_ / "larger"), .threads = 1});
  try {
    larger->create_stream({.language_model = model_});
    FAIL() << "a model of another vocabulary";
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("the language model is not of this checkpoint"));
  }
}

}  // namespace
}  // namespace glossa::testing
