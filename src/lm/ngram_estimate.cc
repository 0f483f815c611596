#include "lm/ngram_estimate.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <limits>
#include <unordered_map>

#include "base/fail.h"

namespace glossa::lm {
namespace {

using Position = std::uint32_t;  // into the corpus

// The n-grams of one length that occur, sorted.
struct Counts {
  std::vector<Position> where;         // one of its places
  std::vector<std::int64_t> seen;      // how often it occurs
  std::vector<std::int64_t> adjusted;  // Kneser-Ney: how many different labels stand before it
};

void check(const EstimateOptions& options) {
  if (options.order < 1 || options.order > kMostOrder)
    fail_invalid_argument("the order is {}, expected 1 to {}", options.order, kMostOrder);
  int before = 0;
  for (std::size_t k = 0; k < options.prune.size(); ++k) {
    const int most = options.prune[k];
    if (most < before || (k == 0 && most != 0)) {
      fail_invalid_argument("the counts to prune at are {}, expected 0 first and none below the one before",
                            fmt::join(options.prune, " "));
    }
    before = most;
  }
}

int prune_at(const EstimateOptions& options, int order) {
  if (options.prune.empty()) return 0;
  return options.prune[std::min(static_cast<std::size_t>(order), options.prune.size()) - 1];
}

class Corpus {
 public:
  explicit Corpus(std::span<const std::vector<int>> sentences) {
    std::size_t size = 0;
    for (const std::vector<int>& sentence : sentences) size += sentence.size() + 2;
    if (size > std::numeric_limits<Position>::max())
      fail_invalid_argument("the text has {} pieces, expected {} at most", size,
                            std::numeric_limits<Position>::max());
    labels_.reserve(size);
    for (const std::vector<int>& sentence : sentences) {
      if (sentence.empty()) continue;
      labels_.push_back(kSentenceStart);
      labels_.insert(labels_.end(), sentence.begin(), sentence.end());
      labels_.push_back(kSentenceEnd);
    }
    if (labels_.empty()) fail_invalid_argument("the text is empty (expected sentences)");
  }

  const int* at(Position position) const { return labels_.data() + position; }
  int before(Position position) const { return labels_[position - 1]; }

  // Every place, sorted by the `most` labels from there on, as far as the sentence goes.
  std::vector<Position> sorted(int most) const {
    std::vector<Position> places(labels_.size());
    for (std::size_t place = 0; place < places.size(); ++place) places[place] = static_cast<Position>(place);
    std::sort(places.begin(), places.end(), [&](Position a, Position b) {
      const int* left = at(a);
      const int* right = at(b);
      for (int k = 0; k < most; ++k) {
        if (left[k] != right[k]) return left[k] < right[k];
        if (left[k] == kSentenceEnd) break;
      }
      return a < b;
    });
    return places;
  }

  // The sentence has `order` labels from `position` on.
  bool has(Position position, int order) const {
    const int* label = at(position);
    for (int k = 0; k + 1 < order; ++k) {
      if (label[k] == kSentenceEnd) return false;
    }
    return true;
  }

 private:
  std::vector<int> labels_;
};

Counts count(const Corpus& corpus, std::span<const Position> places, int order, bool longest) {
  Counts counts;
  std::unordered_map<int, std::size_t> last_after;  // label -> the n-gram it was last seen before, from 1
  const int* current = nullptr;
  for (const Position place : places) {
    if (!corpus.has(place, order)) continue;
    const int* labels = corpus.at(place);
    if (current == nullptr || !std::equal(labels, labels + order, current)) {
      counts.where.push_back(place);
      counts.seen.push_back(0);
      counts.adjusted.push_back(0);
      current = labels;
    }
    ++counts.seen.back();
    // Nothing stands before the start of a sentence: there it is the sentences that count.
    if (longest || labels[0] == kSentenceStart) {
      ++counts.adjusted.back();
      continue;
    }
    std::size_t& last = last_after[corpus.before(place)];
    if (last != counts.where.size()) ++counts.adjusted.back();
    last = counts.where.size();
  }
  return counts;
}

// What is taken from a count of 1, of 2, and of 3 or more.
using Discounts = std::array<double, 4>;

Discounts discounts_of(const Counts& counts) {
  std::array<double, 5> of{};  // n-grams that are counted 1, 2, 3 and 4 times
  for (const std::int64_t adjusted : counts.adjusted) {
    if (adjusted <= 4) ++of[static_cast<std::size_t>(adjusted)];
  }
  constexpr Discounts kFallback = {0, 0.5, 1, 1.5};  // lmplz's, for texts too small or too regular
  if (of[1] == 0 || of[2] == 0 || of[3] == 0) return kFallback;
  Discounts discounts{};
  const double y = of[1] / (of[1] + 2 * of[2]);
  for (std::size_t n = 1; n <= 3; ++n) {
    const auto times = static_cast<double>(n);
    discounts[n] = times - (times + 1) * y * of[n + 1] / of[n];
    if (!(discounts[n] > 0 && discounts[n] <= times)) return kFallback;
  }
  return discounts;
}

double discount(const Discounts& discounts, std::int64_t adjusted) {
  return discounts[static_cast<std::size_t>(std::min<std::int64_t>(adjusted, 3))];
}

// The row of `ngram` in a sorted table that has it.
std::size_t row_of(const NgramTable& table, std::span<const int> ngram) {
  std::size_t first = 0;
  std::size_t last = table.size();
  while (first < last) {
    const std::size_t middle = first + (last - first) / 2;
    const std::span<const int> found = table.ngram(middle);
    if (std::lexicographical_compare(found.begin(), found.end(), ngram.begin(), ngram.end()))
      first = middle + 1;
    else
      last = middle;
  }
  return first;
}

void append(NgramTable& table, const int* labels, double probability) {
  table.labels.insert(table.labels.end(), labels, labels + table.order);
  table.log_prob.push_back(static_cast<float>(std::log(probability)));
  table.backoff.push_back(0);
}

NgramTable unigrams(const Corpus& corpus, const Counts& counts) {
  const Discounts discounts = discounts_of(counts);
  double sum = 0;
  double spared = 0;
  std::size_t kinds = 1;  // <unk>
  for (std::size_t row = 0; row < counts.where.size(); ++row) {
    if (*corpus.at(counts.where[row]) == kSentenceStart) continue;
    sum += static_cast<double>(counts.adjusted[row]);
    spared += discount(discounts, counts.adjusted[row]);
    ++kinds;
  }
  const double rest = spared / sum / static_cast<double>(kinds);  // of every label, <unk> among them
  NgramTable table;
  append(table, &kUnknown, rest);
  for (std::size_t row = 0; row < counts.where.size(); ++row) {
    const int* label = corpus.at(counts.where[row]);
    const auto adjusted = static_cast<double>(counts.adjusted[row]);
    // The start of a sentence is a context and never a prediction: its probability is written and not read.
    const double taken = adjusted - discount(discounts, counts.adjusted[row]);
    append(table, label, *label == kSentenceStart ? 1 : taken / sum + rest);
  }
  return table;
}

// The n-grams of the next length; `shorter` receives its weights of backing off.
NgramTable longer(const Corpus& corpus, const Counts& counts, NgramTable& shorter, int prune) {
  const Discounts discounts = discounts_of(counts);
  NgramTable table;
  table.order = shorter.order + 1;
  const int history = shorter.order;
  for (std::size_t first = 0, last = 0; first < counts.where.size(); first = last) {
    const int* context = corpus.at(counts.where[first]);
    double sum = 0;
    double spared = 0;
    for (last = first;
         last < counts.where.size() && std::equal(context, context + history, corpus.at(counts.where[last]));
         ++last) {
      const auto adjusted = static_cast<double>(counts.adjusted[last]);
      sum += adjusted;
      spared += counts.seen[last] <= prune ? adjusted : discount(discounts, counts.adjusted[last]);
    }
    const double weight = spared / sum;
    bool kept = false;
    for (std::size_t row = first; row < last; ++row) {
      if (counts.seen[row] <= prune) continue;
      const int* labels = corpus.at(counts.where[row]);
      const std::size_t below = row_of(shorter, {labels + 1, static_cast<std::size_t>(history)});
      const double taken =
          static_cast<double>(counts.adjusted[row]) - discount(discounts, counts.adjusted[row]);
      append(table, labels, taken / sum + weight * std::exp(static_cast<double>(shorter.log_prob[below])));
      kept = true;
    }
    if (kept) {
      shorter.backoff[row_of(shorter, {context, static_cast<std::size_t>(history)})] =
          static_cast<float>(std::log(weight));
    }
  }
  return table;
}

}  // namespace

NgramModel estimate(std::span<const std::vector<int>> sentences, const EstimateOptions& options) {
  check(options);
  const Corpus corpus(sentences);
  const std::vector<Position> places = corpus.sorted(options.order);
  NgramModel model;
  for (int order = 1; order <= options.order; ++order) {
    const Counts counts = count(corpus, places, order, order == options.order);
    if (order == 1) {
      model.tables.push_back(unigrams(corpus, counts));
      continue;
    }
    NgramTable table = longer(corpus, counts, model.tables.back(), prune_at(options, order));
    if (table.size() == 0) break;
    model.tables.push_back(std::move(table));
  }
  return model;
}

}  // namespace glossa::lm
