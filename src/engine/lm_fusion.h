// A language model in the search: NeMo's NGPU-LM fusion.
//
// Greedy: where the model itself wants a label, the label with the best logit + alpha ln p(label | labels
// before) is taken. Where it wants blank, blank it is. Beam: labels get alpha ln p on their log-probability,
// blank what it would have if both agreed on it (blank_lm_score_mode lm_weighted_full, pruning_mode late).
//
// Language tags are the model's own: the language model neither brings nor takes them, and behind one a
// sentence begins (in NeMo they are pieces like any other, which a model of tagless text makes unlikely).
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "glossa/recognizer.hpp"
#include "lm/ngram_automaton.h"

namespace glossa::engine {

// Immutable; any thread may use it.
class LmFusion final : public LanguageModel {
 public:
  // `lang_tags`: for every piece the language of its tag, empty for other pieces.
  LmFusion(lm::NgramAutomaton automaton, std::span<const std::string> lang_tags);

  int order() const override { return automaton_.order(); }
  std::size_t ngrams() const override { return automaton_.ngrams(); }
  int vocabulary() const { return automaton_.vocabulary(); }

  static constexpr int kStart = -1;  // a sentence begins

  bool is_tag(int label) const { return is_tag_[static_cast<std::size_t>(label)]; }

  // The piece with the best sum, no tag; the first of equals. `logits` and `fused` are [vocabulary and
  // blank]; `fused` receives the sums, minus infinity for tags and blank.
  int choose(std::span<const float> logits, int state, float alpha, std::span<float> fused) const;

  // For beam search. `scores` is [vocabulary and blank], log-probabilities. With `own` = blank and tags,
  // they become (1 + alpha) score for own, score + alpha (ln(1 - p(own)) + ln p(label | state)) for others.
  // `scratch` is as large.
  void weigh(std::span<float> scores, int state, float alpha, std::span<float> scratch) const;

  int next(int state, int label) const;

 private:
  int at(int state) const { return state == kStart ? automaton_.start() : state; }

  lm::NgramAutomaton automaton_;
  std::vector<bool> is_tag_;
  std::vector<int> tags_;
};

}  // namespace glossa::engine
