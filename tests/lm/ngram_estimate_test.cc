#include "lm/ngram_estimate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "glossa/error.hpp"
#include "lm/random_text.h"
#include "support/message_of.h"

namespace glossa::testing {
namespace {

using lm::kSentenceEnd;
using lm::kSentenceStart;
using ::testing::HasSubstr;
using Labels = std::vector<int>;

// The definition of interpolated modified Kneser-Ney, with maps and without thrift.
class EstimateOracle {
 public:
  EstimateOracle(const std::vector<Labels>& sentences, int order, const std::vector<int>& prune)
      : order_(order), prune_(prune) {
    for (const Labels& sentence : sentences) {
      Labels padded = {kSentenceStart};
      padded.insert(padded.end(), sentence.begin(), sentence.end());
      padded.push_back(kSentenceEnd);
      for (std::size_t from = 0; from < padded.size(); ++from) {
        for (int length = 1; length <= order && from + static_cast<std::size_t>(length) <= padded.size();
             ++length) {
          const Labels ngram(padded.begin() + static_cast<std::ptrdiff_t>(from),
                             padded.begin() + static_cast<std::ptrdiff_t>(from) + length);
          ++seen_[ngram];
          if (from > 0) before_[ngram].insert(padded[from - 1]);
        }
      }
    }
    for (int length = 1; length <= order; ++length) find_discounts(length);
  }

  bool is_kept(const Labels& ngram) const {
    const std::size_t k = std::min(ngram.size(), prune_.size());
    return k == 0 || seen_.at(ngram) > prune_[k - 1];
  }

  double probability(const Labels& context, int label) const {
    if (context.empty()) {
      const double rest = spared({}) / sum({}) / static_cast<double>(kinds());
      const Labels ngram = {label};
      return seen_.count(ngram) == 0 ? rest : taken(ngram) / sum({}) + rest;
    }
    const Labels shorter(context.begin() + 1, context.end());
    if (sum(context) == 0) return probability(shorter, label);
    Labels ngram = context;
    ngram.push_back(label);
    const double own = seen_.count(ngram) > 0 && is_kept(ngram) ? taken(ngram) / sum(context) : 0;
    return own + spared(context) / sum(context) * probability(shorter, label);
  }

  const std::map<Labels, int>& seen() const { return seen_; }

 private:
  double adjusted(const Labels& ngram) const {
    const bool raw = static_cast<int>(ngram.size()) == order_ || ngram.front() == kSentenceStart;
    return raw ? seen_.at(ngram) : static_cast<double>(before_.at(ngram).size());
  }
  void find_discounts(int length) {
    std::map<int, double> of;
    for (const auto& [ngram, count] : seen_) {
      if (static_cast<int>(ngram.size()) == length) ++of[static_cast<int>(adjusted(ngram))];
    }
    std::vector<double> found = {0};
    const double y = of[1] / (of[1] + 2 * of[2]);
    for (int n = 1; n <= 3; ++n) found.push_back(n - (n + 1) * y * of[n + 1] / of[n]);
    const bool usable = of[1] > 0 && of[2] > 0 && of[3] > 0 && found[1] > 0 && found[2] > 0 && found[3] > 0 &&
                        found[1] <= 1 && found[2] <= 2 && found[3] <= 3;
    discounts_[length] = usable ? found : std::vector<double>{0, 0.5, 1, 1.5};
  }
  double discount(const Labels& ngram) const {
    return discounts_.at(
        static_cast<int>(ngram.size()))[static_cast<std::size_t>(std::min(adjusted(ngram), 3.0))];
  }
  double taken(const Labels& ngram) const { return adjusted(ngram) - discount(ngram); }
  // Over what follows `context`.
  template <class Value>
  double total(const Labels& context, const Value& value) const {
    double total = 0;
    for (const auto& [ngram, count] : seen_) {
      if (ngram.size() != context.size() + 1 || ngram == Labels{kSentenceStart}) continue;
      if (std::equal(context.begin(), context.end(), ngram.begin())) total += value(ngram);
    }
    return total;
  }
  double sum(const Labels& context) const {
    return total(context, [&](const Labels& ngram) { return adjusted(ngram); });
  }
  double spared(const Labels& context) const {
    return total(context,
                 [&](const Labels& ngram) { return is_kept(ngram) ? discount(ngram) : adjusted(ngram); });
  }
  std::size_t kinds() const {
    return static_cast<std::size_t>(total({}, [](const Labels&) { return 1; })) + 1;  // and <unk>
  }

  int order_;
  std::vector<int> prune_;
  std::map<Labels, int> seen_;
  std::map<Labels, std::set<int>> before_;
  std::map<int, std::vector<double>> discounts_;
};

void expect_equal(const std::vector<Labels>& sentences, int order, const std::vector<int>& prune) {
  SCOPED_TRACE(::testing::Message() << "order " << order << ", pruned at "
                                    << ::testing::PrintToString(prune));
  const lm::NgramModel model = lm::estimate(sentences, {.order = order, .prune = prune});
  const EstimateOracle oracle(sentences, order, prune);
  std::size_t expected = 1;  // <unk>
  for (const auto& [ngram, count] : oracle.seen()) expected += oracle.is_kept(ngram) ? 1 : 0;
  std::size_t found = 0;
  for (const lm::NgramTable& table : model.tables) {
    found += table.size();
    for (std::size_t row = 0; row < table.size(); ++row) {
      const Labels ngram(table.ngram(row).begin(), table.ngram(row).end());
      if (ngram.back() == kSentenceStart) continue;
      const double wanted = oracle.probability({ngram.begin(), ngram.end() - 1}, ngram.back());
      ASSERT_NEAR(table.log_prob[row], std::log(wanted), 1e-4) << ::testing::PrintToString(ngram);
    }
  }
  EXPECT_EQ(found, expected);
}

TEST(NgramEstimate, IsModifiedKneserNey) {
  for (std::uint32_t seed = 1; seed <= 6; ++seed) {
    const auto sentences = random_sentences(seed, 60, 4 + static_cast<int>(seed));
    for (int order = 1; order <= 4; ++order) expect_equal(sentences, order, {});
  }
}

TEST(NgramEstimate, WhatIsPrunedGoesToShorterContexts) {
  const auto sentences = random_sentences(3, 80, 6);
  expect_equal(sentences, 3, {0, 1});
  expect_equal(sentences, 4, {0, 0, 2});
  expect_equal(sentences, 4, {0, 1, 2, 3});
}

TEST(NgramEstimate, SmallTextsHaveFixedDiscounts) { expect_equal({{1, 2, 3}, {1, 2, 4}, {5}}, 3, {}); }

TEST(NgramEstimate, ShortSentencesEndTheTables) {
  const lm::NgramModel model = lm::estimate(std::vector<Labels>{{7}, {7}, {8}}, {.order = 6});
  EXPECT_EQ(model.order(), 3) << "<s> 7 </s>";
}

TEST(NgramEstimate, WrongOptionsAreNamed) {
  const std::vector<Labels> text = {{1}};
  const auto error_of = [](const std::vector<Labels>& sentences, const lm::EstimateOptions& options) {
    return message_of([&] { lm::estimate(sentences, options); }, ErrorCode::kInvalidArgument);
  };
  EXPECT_THAT(error_of(text, {.order = 0}), HasSubstr("the order is 0, expected 1 to 10"));
  EXPECT_THAT(error_of(text, {.order = 11}), HasSubstr("expected 1 to 10"));
  EXPECT_THAT(error_of(text, {.order = 3, .prune = {0, 2, 1}}), HasSubstr("0 2 1"));
  EXPECT_THAT(error_of(text, {.order = 3, .prune = {1}}), HasSubstr("expected 0 first"));
  EXPECT_THAT(error_of({}, {.order = 3}), HasSubstr("the text is empty"));
  EXPECT_THAT(error_of({{}, {}}, {.order = 3}), HasSubstr("the text is empty"));
}

}  // namespace
}  // namespace glossa::testing
