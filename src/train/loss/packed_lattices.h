// The RNN-T lattices of a batch without their padding: utterance after utterance, one row for each (t, u), u
// fastest.
#pragma once

#include <cstdint>
#include <vector>

#include "train/loss/rnnt_lattice.h"
#include "train/loss/rnnt_loss.h"

namespace glossa::train {

// Rows of the padded tensors that the caller has.
struct PaddedSizes {
  std::int64_t batch = 0;
  std::int64_t frames = 0;      // T
  std::int64_t label_rows = 0;  // U + 1
  std::int64_t classes = 0;     // V, blank last
};

struct PackedLattices {
  PaddedSizes padded;
  std::vector<LatticeShape> shapes;      // per utterance
  std::vector<std::int64_t> first_rows;  // per utterance, and the number of all rows
  // Per row, int64 on the CPU. Flat row numbers of [B, T] and [B, U + 1]; targets: -1 behind the last label.
  torch::Tensor utterances, encoder_rows, predictor_rows, targets;

  std::int64_t rows() const { return first_rows.back(); }
};

// Checks lengths and targets against the sizes; throws Error.
PackedLattices pack_lattices(const PaddedSizes& padded, const torch::Tensor& targets,
                             const torch::Tensor& encoder_lengths, const torch::Tensor& target_lengths);

// f32 on the CPU, one element a row.
struct RowTensors {
  torch::Tensor log_sums, blank, label;  // of blank and label: log-probabilities, or posteriors
};
RowTensors make_row_tensors(std::int64_t rows);

// The losses [B], f32 on the CPU: -(1 + lambda) log Z. With `posteriors` those are filled too, the labels'
// times 1 + lambda. Utterances in parallel.
torch::Tensor lattice_losses(const PackedLattices& lattices, const RowTensors& log_probs,
                             double fastemit_lambda, RowTensors* posteriors);

}  // namespace glossa::train
