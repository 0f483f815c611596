#include "lm/ngram_automaton.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>

#include "base/fail.h"

namespace glossa::lm {
namespace {

// What a label is worth that neither the model nor its <unk> knows.
constexpr float kNever = -23;  // e to this: 1e-10

std::vector<std::size_t> sorted_rows(const NgramTable& table) {
  std::vector<std::size_t> rows(table.size());
  std::iota(rows.begin(), rows.end(), std::size_t{0});
  std::sort(rows.begin(), rows.end(), [&](std::size_t a, std::size_t b) {
    const std::span<const int> left = table.ngram(a);
    const std::span<const int> right = table.ngram(b);
    return std::lexicographical_compare(left.begin(), left.end(), right.begin(), right.end());
  });
  return rows;
}

}  // namespace

NgramAutomaton::NgramAutomaton(const NgramModel& model, int vocabulary, std::string_view source)
    : order_(model.order()) {
  states_.push_back({});
  unigrams_.assign(static_cast<std::size_t>(vocabulary), kNever);
  for (const NgramTable& table : model.tables) {
    ngrams_ += table.size();
    add_table(table, source);
  }
  if (const Child* unknown = child(kRoot, kUnknown)) {
    std::fill(unigrams_.begin(), unigrams_.end(), unknown->log_prob);
  }
  for (const Child& unigram : children(kRoot)) {
    if (unigram.label >= 0) unigrams_[static_cast<std::size_t>(unigram.label)] = unigram.log_prob;
  }
  start_ = walk(kRoot, kSentenceStart);
}

// All shorter n-grams are there already. Sorted ones come context by context, so a context's labels lie side
// by side in children_.
void NgramAutomaton::add_table(const NgramTable& table, std::string_view source) {
  const std::size_t history = static_cast<std::size_t>(table.order) - 1;
  int parent = kRoot;
  std::span<const int> before;
  for (const std::size_t row : sorted_rows(table)) {
    const std::span<const int> labels = table.ngram(row);
    const bool same = !before.empty() && std::equal(labels.begin(), labels.end() - 1, before.begin());
    if (!same) {
      parent = kRoot;
      for (std::size_t k = 0; k < history; ++k) {
        const Child* step = child(parent, labels[k]);
        if (step == nullptr)
          fail_bad_input("{}: an n-gram of {} labels is there without its first {}", source, table.order,
                         history);
        parent = step->next;
      }
      states_[static_cast<std::size_t>(parent)].first_child = children_.size();
    } else if (labels.back() == before.back()) {
      fail_bad_input("{}: an n-gram of {} labels is there twice", source, table.order);
    }
    before = labels;
    const int shorter =
        parent == kRoot ? kRoot : walk(states_[static_cast<std::size_t>(parent)].shorter, labels.back());
    int next = shorter;
    if (table.order < order_) {
      next = static_cast<int>(states_.size());
      states_.push_back({.shorter = shorter, .backoff = table.backoff[row]});
    }
    children_.push_back({labels.back(), table.log_prob[row], next});
    ++states_[static_cast<std::size_t>(parent)].child_count;
  }
}

std::span<const NgramAutomaton::Child> NgramAutomaton::children(int state) const {
  const State& at = states_[static_cast<std::size_t>(state)];
  return std::span(children_).subspan(at.first_child, at.child_count);
}

const NgramAutomaton::Child* NgramAutomaton::child(int state, int label) const {
  const std::span<const Child> all = children(state);
  const auto found =
      std::lower_bound(all.begin(), all.end(), label, [](const Child& c, int l) { return c.label < l; });
  return found != all.end() && found->label == label ? &*found : nullptr;
}

int NgramAutomaton::walk(int state, int label) const {
  while (true) {
    if (const Child* step = child(state, label)) return step->next;
    if (state == kRoot) return kRoot;
    state = states_[static_cast<std::size_t>(state)].shorter;
  }
}

int NgramAutomaton::next(int state, int label) const { return walk(state, label); }

float NgramAutomaton::log_prob(int state, int label) const {
  float sum = 0;
  for (; state != kRoot; state = states_[static_cast<std::size_t>(state)].shorter) {
    if (const Child* step = child(state, label)) return sum + step->log_prob;
    sum += states_[static_cast<std::size_t>(state)].backoff;
  }
  if (label >= 0) return sum + unigrams_[static_cast<std::size_t>(label)];
  const Child* step = child(kRoot, label);
  return sum + (step != nullptr ? step->log_prob : kNever);
}

void NgramAutomaton::log_probs(int state, std::span<float> out) const {
  std::array<int, kMostOrder> contexts{};  // from `state` to shorter ones, the root left out
  std::array<float, kMostOrder> backoffs{};
  std::size_t count = 0;
  float sum = 0;
  for (; state != kRoot; state = states_[static_cast<std::size_t>(state)].shorter) {
    contexts[count] = state;
    backoffs[count++] = sum;
    sum += states_[static_cast<std::size_t>(state)].backoff;
  }
  std::transform(unigrams_.begin(), unigrams_.end(), out.begin(), [&](float p) { return p + sum; });
  while (count-- > 0) {
    for (const Child& longer : children(contexts[count])) {
      if (longer.label >= 0) out[static_cast<std::size_t>(longer.label)] = backoffs[count] + longer.log_prob;
    }
  }
}

}  // namespace glossa::lm
