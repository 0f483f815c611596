// Forward-backward over the RNN-T lattice of one utterance. Plain C++, no tensors.
#pragma once

#include <cstdint>
#include <span>

namespace glossa::train {

// Arrays are [frames, labels + 1], u fastest; of the label arrays the last column is not used.
struct LatticeShape {
  std::int64_t frames = 0;
  std::int64_t labels = 0;
  std::int64_t nodes() const { return frames * (labels + 1); }
};

// Log-probabilities of the two arcs that leave (t, u): blank to (t + 1, u), the next label to (t, u + 1).
struct LatticeArcs {
  std::span<const float> blank;
  std::span<const float> label;
};

// Probability that an alignment takes the arc, given all alignments. The blank that leaves the last node
// counts.
struct ArcPosteriors {
  std::span<float> blank;
  std::span<float> label;
};

// log of the summed probability of all alignments. Sums are f64: in f32 a long utterance of a bad model (log
// Z of -1e6) would have steps of 0.06.
double lattice_log_probability(const LatticeShape& shape, const LatticeArcs& arcs);

// The same, and the posteriors; the label array's unused column becomes 0.
double lattice_posteriors(const LatticeShape& shape, const LatticeArcs& arcs,
                          const ArcPosteriors& posteriors);

}  // namespace glossa::train
