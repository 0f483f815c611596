// An n-gram model as search walks it: one state for every context, and its labels sorted behind it.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>
#include <vector>

#include "lm/ngram_model.h"

namespace glossa::lm {

// Immutable; any thread may use it.
class NgramAutomaton {
 public:
  // Takes the model's n-grams in any order. `source` is for messages: Error kBadInput for an n-gram that is
  // there twice or without its beginning. Labels are pieces below `vocabulary`.
  NgramAutomaton(const NgramModel& model, int vocabulary, std::string_view source);

  int order() const { return order_; }
  int vocabulary() const { return static_cast<int>(unigrams_.size()); }
  std::size_t ngrams() const { return ngrams_; }

  // The state where a sentence begins.
  int start() const { return start_; }

  // The state behind `label`, a piece.
  int next(int state, int label) const;

  // Natural logarithm of p(label | state); `label` is a piece or kSentenceEnd.
  float log_prob(int state, int label) const;

  // The same for every piece at once: out is [vocabulary].
  void log_probs(int state, std::span<float> out) const;

 private:
  struct State {
    std::size_t first_child = 0;  // into children_, ascending labels
    std::size_t child_count = 0;
    int shorter = 0;    // the context without its oldest label
    float backoff = 0;  // into `shorter`
  };
  struct Child {
    int label = 0;
    float log_prob = 0;
    int next = 0;
  };
  static constexpr int kRoot = 0;  // no context

  void add_table(const NgramTable& table, std::string_view source);
  std::span<const Child> children(int state) const;
  const Child* child(int state, int label) const;  // nullptr: none
  int walk(int state, int label) const;

  int order_ = 0;
  std::size_t ngrams_ = 0;
  int start_ = kRoot;
  std::vector<float> unigrams_;  // of pieces; what the model has not seen has <unk>'s
  std::vector<State> states_;    // shorter contexts first
  std::vector<Child> children_;
};

}  // namespace glossa::lm
