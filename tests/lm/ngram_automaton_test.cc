#include "lm/ngram_automaton.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <optional>

#include "lm/ngram_estimate.h"
#include "lm/random_text.h"
#include "support/message_of.h"

namespace glossa::testing {
namespace {

using lm::kSentenceEnd;
using lm::kSentenceStart;
using lm::kUnknown;
using lm::NgramAutomaton;
using ::testing::HasSubstr;
using Labels = std::vector<int>;

constexpr int kVocabulary = 9;

// The definition of backing off.
class BackoffOracle {
 public:
  explicit BackoffOracle(const lm::NgramModel& model) : order_(model.order()) {
    for (const lm::NgramTable& table : model.tables) {
      for (std::size_t row = 0; row < table.size(); ++row) {
        entries_[{table.ngram(row).begin(), table.ngram(row).end()}] = {table.log_prob[row],
                                                                        table.backoff[row]};
      }
    }
  }
  double log_prob(Labels context, int label) const {
    if (static_cast<int>(context.size()) >= order_)
      context.erase(context.begin(), context.end() - order_ + 1);
    Labels ngram = context;
    ngram.push_back(label);
    if (const auto found = entries_.find(ngram); found != entries_.end()) return found->second.first;
    if (context.empty()) return entries_.at({kUnknown}).first;
    const auto found = entries_.find(context);
    const double weight = found == entries_.end() ? 0 : found->second.second;
    return weight + log_prob({context.begin() + 1, context.end()}, label);
  }

 private:
  int order_;
  std::map<Labels, std::pair<float, float>> entries_;
};

// The same n-grams in another order.
lm::NgramModel shuffled(lm::NgramModel model) {
  std::mt19937 random(5);
  for (lm::NgramTable& table : model.tables) {
    std::vector<std::size_t> rows(table.size());
    std::iota(rows.begin(), rows.end(), std::size_t{0});
    std::shuffle(rows.begin(), rows.end(), random);
    lm::NgramTable mixed;
    mixed.order = table.order;
    for (const std::size_t row : rows) {
      mixed.labels.insert(mixed.labels.end(), table.ngram(row).begin(), table.ngram(row).end());
      mixed.log_prob.push_back(table.log_prob[row]);
      mixed.backoff.push_back(table.backoff[row]);
    }
    table = std::move(mixed);
  }
  return model;
}

class Automaton : public ::testing::TestWithParam<int> {};
INSTANTIATE_TEST_SUITE_P(Orders, Automaton, ::testing::Values(1, 2, 3, 5));

TEST_P(Automaton, SaysWhatBackingOffSays) {
  for (std::uint32_t seed = 1; seed <= 8; ++seed) {
    // The last label never comes: it is <unk>.
    const auto text = random_sentences(seed, 30, kVocabulary - 1);
    const lm::NgramModel model =
        lm::estimate(text, {.order = GetParam(), .prune = seed % 2 == 0 ? Labels{} : Labels{0, 0, 1}});
    const BackoffOracle oracle(model);
    const NgramAutomaton automaton(shuffled(model), kVocabulary, "test");
    for (const Labels& sentence : random_sentences(seed + 100, 20, kVocabulary)) {
      Labels said = {kSentenceStart};
      int state = automaton.start();
      std::vector<float> all(kVocabulary);
      for (const int label : sentence) {
        automaton.log_probs(state, all);
        for (int other = 0; other < kVocabulary; ++other) {
          const double expected = oracle.log_prob(said, other);
          ASSERT_NEAR(automaton.log_prob(state, other), expected, 1e-4);
          ASSERT_NEAR(all[static_cast<std::size_t>(other)], expected, 1e-4);
        }
        ASSERT_NEAR(automaton.log_prob(state, kSentenceEnd), oracle.log_prob(said, kSentenceEnd), 1e-4);
        said.push_back(label);
        state = automaton.next(state, label);
      }
    }
  }
}

TEST_P(Automaton, ProbabilitiesOfEveryContextAddUpToOne) {
  const auto text = random_sentences(11, 40, kVocabulary);
  const NgramAutomaton automaton(lm::estimate(text, {.order = GetParam(), .prune = {0, 0, 1}}), kVocabulary,
                                 "test");
  int state = automaton.start();
  const auto said = random_sentences(12, 1, kVocabulary);
  for (const int label : said.front()) {
    double sum =
        std::exp(automaton.log_prob(state, kSentenceEnd)) + std::exp(automaton.log_prob(state, kUnknown));
    for (int piece = 0; piece < kVocabulary; ++piece) sum += std::exp(automaton.log_prob(state, piece));
    EXPECT_NEAR(sum, 1, 1e-4);
    state = automaton.next(state, label);
  }
}

TEST(NgramAutomaton, ANgramWithoutItsBeginningIsRefused) {
  lm::NgramModel model = lm::estimate(std::vector<Labels>{{1, 2, 3}}, {.order = 3});
  model.tables[2].labels[0] = 5;  // 5 has no bigrams
  const auto error_of = [](const lm::NgramModel& wrong) {
    return message_of([&] { NgramAutomaton(wrong, kVocabulary, "x.arpa"); });
  };
  EXPECT_THAT(error_of(model), HasSubstr("x.arpa: an n-gram of 3 labels is there without its first 2"));
  model = lm::estimate(std::vector<Labels>{{1, 2}}, {.order = 2});
  model.tables[1].labels[2] = model.tables[1].labels[0];
  model.tables[1].labels[3] = model.tables[1].labels[1];
  EXPECT_THAT(error_of(model), HasSubstr("an n-gram of 2 labels is there twice"));
}

}  // namespace
}  // namespace glossa::testing
