// Leans the search towards given phrases: a tree over labels, walked beside the predictor.
//
// Greedy: where the model itself wants a label, every label that begins a phrase or goes on with one gets a
// bonus on its logit, and the best sum wins. Where the model wants blank, blank it is: phrases never come out
// of silence. Beam: the bonus counts against blank, too, and an unfinished phrase for nothing in the end.
//
// The tree is NeMo's boosting tree (GPU-PB): an Aho-Corasick automaton with context_score = the phrase's
// score and depth_scaling = 2. The label at depth d of a phrase is worth score / 4 for d = 1 (NeMo: score)
// and 2 score + ln d behind; who leaves a phrase half-way gives back what it was worth so far, who completes
// one keeps it. A phrase that ends within another, unfinished one is given back with that.
#pragma once

#include <span>
#include <vector>

#include "glossa/types.hpp"
#include "text/sentencepiece.h"

namespace glossa::engine {

// Immutable; any thread may use it.
class PhraseBoost {
 public:
  struct Phrase {
    std::vector<int> labels;  // not empty
    float score = 0;          // above 0
  };

  static constexpr int kStart = 0;  // no phrase has begun

  explicit PhraseBoost(std::span<const Phrase> phrases);

  // The label with the best logit + bonus, the first of equals with `best` before all; `best` is the label
  // with the best logit and not blank. `state` is what next() said of the labels so far.
  int choose(std::span<const float> logits, int best, int state) const;

  // For beam search: every label's bonus, or what it gives back of held(), onto `scores`; [vocabulary] or
  // more, all beyond the labels of phrases alike.
  void add_bonuses(std::span<float> scores, int state) const;

  // What an unfinished phrase has brought so far.
  float held(int state) const { return nodes_[static_cast<std::size_t>(state)].held; }

  int next(int state, int label) const;

 private:
  struct Node {
    int first_child = 0;  // into children_, ascending labels
    int child_count = 0;
    int fallback = 0;  // the longest other phrase beginning that the labels so far end with
    float bonus = 0;   // of the label that leads here, all given back since the phrase began included
    float held = 0;    // the same until the phrase is complete; who leaves gives it back
  };
  struct Child {
    int label = 0;
    int node = 0;
  };

  std::span<const Child> children(int node) const;
  int child(int node, int label) const;  // -1: none

  std::vector<Node> nodes_;  // breadth first
  std::vector<Child> children_;
};

// Phrases as clients write them: each as it is and with a capital first letter. Error kInvalidArgument for
// one that is empty or too long or has characters the model does not know, for a score outside (0,
// kMostBoost], and for too many phrases.
PhraseBoost make_phrase_boost(std::span<const BoostedPhrase> phrases, const text::SentencePiece& pieces);

}  // namespace glossa::engine
