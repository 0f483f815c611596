// An n-gram language model over the pieces of a checkpoint's vocabulary, as a table.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace glossa::lm {

// Labels that are no piece: where a sentence begins and ends, and everything the model has never seen.
inline constexpr int kSentenceStart = -1;
inline constexpr int kSentenceEnd = -2;
inline constexpr int kUnknown = -3;

inline constexpr int kMostOrder = 10;

// All n-grams of one length.
struct NgramTable {
  int order = 1;
  std::vector<int> labels;      // [size, order], the oldest label first
  std::vector<float> log_prob;  // [size], natural logarithm of p(last label | those before)
  std::vector<float> backoff;   // [size], natural logarithm of the weight of shorter contexts behind this one

  std::size_t size() const { return log_prob.size(); }
  std::span<const int> ngram(std::size_t index) const {
    return std::span(labels).subspan(index * static_cast<std::size_t>(order),
                                     static_cast<std::size_t>(order));
  }
};

// p(w | h) is the table's value for (h, w), else backoff(h) p(w | h without its oldest label).
struct NgramModel {
  std::vector<NgramTable> tables;  // of lengths 1, 2, ...; not empty

  int order() const { return static_cast<int>(tables.size()); }
};

}  // namespace glossa::lm
