#include "engine/phrase_boost.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <limits>
#include <map>
#include <random>

#include "engine/test_streams.h"
#include "support/message_of.h"
#include "support/tiny_model.h"

namespace glossa::testing {
namespace {

using engine::PhraseBoost;
using ::testing::HasSubstr;
using Labels = std::vector<int>;

// The definition, without a tree.
class Oracle {
 public:
  explicit Oracle(const std::vector<PhraseBoost::Phrase>& phrases) : phrases_(phrases) {}

  // Of `label` behind `said`; 0 when it neither begins a phrase nor goes on with one.
  float bonus(const Labels& said, int label) const {
    float most = 0;
    for (std::size_t from = 0; from <= said.size(); ++from) {
      Labels beginning(said.begin() + static_cast<std::ptrdiff_t>(from), said.end());
      beginning.push_back(label);
      if (best_score(beginning) > 0) most = std::max(most, worth(beginning));
    }
    return most;
  }

 private:
  // Of the phrases that begin so.
  float best_score(const Labels& beginning) const {
    float best = 0;
    for (const PhraseBoost::Phrase& phrase : phrases_) {
      if (phrase.labels.size() >= beginning.size() &&
          std::equal(beginning.begin(), beginning.end(), phrase.labels.begin()))
        best = std::max(best, phrase.score);
    }
    return best;
  }
  bool completes(const Labels& labels) const {
    return std::any_of(phrases_.begin(), phrases_.end(),
                       [&](const PhraseBoost::Phrase& phrase) { return phrase.labels == labels; });
  }
  // All that was given since the phrase, or the last one completed on the way, began.
  float worth(const Labels& beginning) const {
    float sum = 0;
    for (std::size_t depth = 1; depth <= beginning.size(); ++depth) {
      const Labels part(beginning.begin(), beginning.begin() + static_cast<std::ptrdiff_t>(depth));
      if (depth > 1 && completes({part.begin(), part.end() - 1})) sum = 0;
      sum += depth == 1 ? best_score(part) / 4 : 2 * best_score(part) + std::log(static_cast<float>(depth));
    }
    return sum;
  }

  const std::vector<PhraseBoost::Phrase>& phrases_;
};

TEST(PhraseBoost, ChoosesWhatItsDefinitionSays) {
  constexpr int kLabels = 6;  // few, so that phrases overlap
  std::mt19937 random(7);
  const auto draw = [&](int least, int most) {
    return std::uniform_int_distribution<int>(least, most)(random);
  };
  int changed = 0;
  for (int round = 0; round < 200; ++round) {
    std::vector<PhraseBoost::Phrase> phrases(static_cast<std::size_t>(draw(1, 8)));
    for (PhraseBoost::Phrase& phrase : phrases) {
      phrase.labels.resize(static_cast<std::size_t>(draw(1, 5)));
      for (int& label : phrase.labels) label = draw(0, kLabels - 1);
      phrase.score = static_cast<float>(draw(1, 50)) / 10;
    }
    const PhraseBoost boost(phrases);
    const Oracle oracle(phrases);
    Labels said;
    int state = PhraseBoost::kStart;
    for (int step = 0; step < 40; ++step) {
      std::vector<float> logits(kLabels);
      for (float& logit : logits) logit = std::normal_distribution<float>(0, 6)(random);
      const auto best = static_cast<int>(std::max_element(logits.begin(), logits.end()) - logits.begin());
      int expected = best;
      float most = logits[static_cast<std::size_t>(best)] + oracle.bonus(said, best);
      for (int label = 0; label < kLabels; ++label) {
        const float sum = logits[static_cast<std::size_t>(label)] + oracle.bonus(said, label);
        if (sum <= most) continue;
        most = sum;
        expected = label;
      }
      ASSERT_EQ(boost.choose(logits, best, state), expected) << "round " << round << " step " << step;
      changed += expected != best ? 1 : 0;
      said.push_back(expected);
      state = boost.next(state, expected);
    }
  }
  EXPECT_GT(changed, 500) << "a test that boosts nothing would prove nothing";
}

// Whatever is said, what was given and not given back is what is held and what complete phrases were worth.
TEST(PhraseBoost, InABeamAnUnfinishedPhraseIsWorthNothingInTheEnd) {
  const std::vector<PhraseBoost::Phrase> phrases = {{{1, 2, 3}, 2.0f}, {{2, 4}, 3.0f}, {{1, 2, 5, 1}, 1.0f}};
  const PhraseBoost boost(phrases);
  const auto worth_of = [](float score, int length) {
    float sum = score / 4;
    for (int depth = 2; depth <= length; ++depth) sum += 2 * score + std::log(static_cast<float>(depth));
    return sum;
  };
  const auto sum_of = [&](const Labels& labels) {
    int state = PhraseBoost::kStart;
    float sum = 0;
    for (const int label : labels) {
      std::vector<float> scores(7, 0.0f);
      boost.add_bonuses(scores, state);
      sum += scores[static_cast<std::size_t>(label)];
      state = boost.next(state, label);
    }
    return sum - boost.held(state);
  };
  EXPECT_FLOAT_EQ(sum_of({1, 2, 3}), worth_of(2, 3));
  EXPECT_FLOAT_EQ(sum_of({0, 2, 4, 6}), worth_of(3, 2));
  EXPECT_NEAR(sum_of({1, 2, 4}), worth_of(3, 2), 1e-5)
      << "one phrase is left for the other that it ends with";
  EXPECT_NEAR(sum_of({1, 2, 3, 2, 4}), worth_of(2, 3) + worth_of(3, 2), 1e-5);
  for (const Labels& nothing :
       {Labels{1}, Labels{1, 2}, Labels{1, 1, 2, 0, 2, 1, 6}, Labels{2, 2, 1, 2, 5, 5}})
    EXPECT_NEAR(sum_of(nothing), 0, 1e-5);
}

TEST(PhraseBoost, OfEqualSumsTheModelsOwnChoiceComesFirst) {
  // The first label of a phrase is worth a quarter of its score.
  const std::vector<PhraseBoost::Phrase> phrases = {{{1}, 4.0f}, {{3}, 2.0f}, {{4}, 4.0f}};
  const PhraseBoost boost(phrases);
  const std::vector<float> own_choice = {0, 1.5f, 0, 2.0f, 0};  // 2.5 for labels 1 and 3
  EXPECT_EQ(boost.choose(own_choice, 3, PhraseBoost::kStart), 3);
  const std::vector<float> others = {0, 1.5f, 1.75f, 0, 1.5f};  // 2.5 for labels 1 and 4
  EXPECT_EQ(boost.choose(others, 2, PhraseBoost::kStart), 1);
}

TEST(PhraseBoost, ALabelThatBelongsToNoPhraseIsLeftAlone) {
  const PhraseBoost boost(std::vector<PhraseBoost::Phrase>{{{1, 2}, 2.5f}});
  const std::vector<float> logits = {5, 1, 3, 4};
  EXPECT_EQ(boost.choose(logits, 0, PhraseBoost::kStart), 0);
  EXPECT_EQ(boost.next(PhraseBoost::kStart, 3), PhraseBoost::kStart);
}

class BoostedStream : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = std::filesystem::temp_directory_path() / ("glossa_boost_" + std::to_string(::getpid()));
    recognizer_ = Recognizer::load({.model = write_tiny_model({}, folder_), .threads = 1});
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  Transcript transcript(const std::vector<BoostedPhrase>& phrases, std::span<const float> pcm) const {
    const auto stream = recognizer_->create_stream({.boosted_phrases = phrases});
    run_whole(*recognizer_, *stream, pcm);
    return stream->transcript();
  }
  std::string refusal(const std::vector<BoostedPhrase>& phrases) const {
    return message_of([&] { recognizer_->create_stream({.boosted_phrases = phrases}); },
                      ErrorCode::kInvalidArgument);
  }

  std::filesystem::path folder_;
  std::shared_ptr<const Recognizer> recognizer_;
  const std::vector<float> noise_ = wandering_noise(64000, 3);
};

TEST_F(BoostedStream, IsMarkedWhereItDiffers) {
  const Transcript plain = transcript({}, noise_);
  const Transcript boosted =
      transcript({{",the", kMostBoost}}, noise_);  // the random model writes commas alone
  const auto is_boosted = [](const Token& token) { return token.boosted; };
  ASSERT_FALSE(plain.tokens.empty());
  EXPECT_TRUE(std::none_of(plain.tokens.begin(), plain.tokens.end(), is_boosted));
  const auto first = std::find_if(boosted.tokens.begin(), boosted.tokens.end(), is_boosted);
  ASSERT_NE(first, boosted.tokens.end());
  const auto before = first - boosted.tokens.begin();
  for (std::ptrdiff_t index = 0; index < before; ++index)
    EXPECT_EQ(boosted.tokens[static_cast<std::size_t>(index)].id,
              plain.tokens[static_cast<std::size_t>(index)].id);
  EXPECT_NE(first->id, plain.tokens[static_cast<std::size_t>(before)].id);
  EXPECT_LT(first->log_prob, plain.tokens[static_cast<std::size_t>(before)].log_prob)
      << "the probability is the model's own";
}

TEST_F(BoostedStream, PhrasesDoNotComeOutOfBlanks) {
  // The least bias, within a tenth, with which the model writes nothing: there a bonus on its comma would be
  // heard.
  for (double bias = 2;; bias += 0.1) {
    const auto path = write_tiny_model({.blank_bias = bias}, folder_);
    const auto recognizer = Recognizer::load({.model = path, .threads = 1});
    const auto heard = [&](const std::vector<BoostedPhrase>& phrases) {
      const auto stream = recognizer->create_stream({.boosted_phrases = phrases});
      run_whole(*recognizer, *stream, noise_);
      return stream->transcript().tokens.size();
    };
    if (heard({}) > 0) continue;
    EXPECT_EQ(heard({{",", kMostBoost}, {",the", kMostBoost}}), 0u);
    break;
  }
}

TEST_F(BoostedStream, ResetForgetsHalfAPhrase) {
  // Longer than the sound, which so ends in the middle of it.
  std::string phrase = ",";
  for (int word = 0; word < 45; ++word) phrase += "the,";
  const auto stream = recognizer_->create_stream({.boosted_phrases = {{phrase, kMostBoost}}});
  const Outcome first = run_whole(*recognizer_, *stream, std::span(noise_).first(3200));
  EXPECT_TRUE(std::any_of(stream->transcript().tokens.begin(), stream->transcript().tokens.end(),
                          [](const Token& token) { return token.boosted; }));
  stream->reset();
  EXPECT_EQ(run_whole(*recognizer_, *stream, std::span(noise_).first(3200)), first);
}

TEST_F(BoostedStream, RefusesWhatItCannotUse) {
  EXPECT_EQ(refusal({{"weather"}}), "no error");
  EXPECT_THAT(refusal({{""}}), HasSubstr("a boosted phrase is empty"));
  EXPECT_THAT(refusal({{"weather", 0}}), HasSubstr("the boost of \"weather\" is 0"));
  EXPECT_THAT(refusal({{"weather", 5.5f}}), HasSubstr("at most 5"));
  EXPECT_THAT(refusal({{"weather", std::numeric_limits<float>::quiet_NaN()}}), HasSubstr("nan"));
  EXPECT_THAT(refusal({{std::string(201, 'a')}}), HasSubstr("has 201 bytes, expected 200 at most"));
  EXPECT_THAT(refusal(std::vector<BoostedPhrase>(5001, {"weather"})), HasSubstr("5001 boosted phrases"));
  EXPECT_THAT(refusal(std::vector<BoostedPhrase>(2000, {"the weather in Athens is beautiful"})),
              HasSubstr("over 50000 pieces in all"));
  EXPECT_THAT(refusal({{"\u4f60\u597d"}}), HasSubstr("the model cannot write it"));
}

}  // namespace
}  // namespace glossa::testing
