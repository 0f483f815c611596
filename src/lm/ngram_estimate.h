// N-gram models from text: interpolated modified Kneser-Ney smoothing. Source: Chen and Goodman 1998, section
// 3; pruned n-grams give their counts to shorter contexts, as in KenLM's lmplz.
#pragma once

#include <span>
#include <vector>

#include "lm/ngram_model.h"

namespace glossa::lm {

struct EstimateOptions {
  int order = 4;  // labels of the longest n-grams, 1 to kMostOrder
  // prune[k]: n-grams of k + 1 labels seen this often or less are left out; the last holds for longer ones,
  // too. Never falling, and 0 for single labels. Empty: nothing is left out.
  std::vector<int> prune;
};

// `sentences` are pieces, each sentence between its unwritten start and end. The tables are sorted. Error
// kInvalidArgument for options that cannot be and for text without a piece.
NgramModel estimate(std::span<const std::vector<int>> sentences, const EstimateOptions& options);

}  // namespace glossa::lm
