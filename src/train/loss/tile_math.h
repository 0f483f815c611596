// The arithmetic on one tile: some rows of the packed lattices, whose logits exist at the same time. Matrix
// products are the caller's.
#pragma once

#include <memory>

#include "train/loss/logit_rows.h"
#include "train/loss/packed_lattices.h"

namespace glossa::train {

class TileMath {
 public:
  virtual ~TileMath() = default;

  // hidden [rows, H] of encoder [B * T, H] and predictor [B * (U + 1), H]. `rows`: int64 on the CPU,
  // ascending.
  virtual torch::Tensor hidden(const torch::Tensor& encoder, const torch::Tensor& predictor,
                               const PackedLattices& lattices, const torch::Tensor& rows,
                               const HiddenDropout& dropout) const = 0;

  // Adds the bias (may be undefined) to logits [rows, V] in place; log-sums and log-probabilities to their
  // rows.
  virtual void normalise(torch::Tensor& logits, const torch::Tensor& bias, const PackedLattices& lattices,
                         const torch::Tensor& rows, RowTensors& log_probs) const = 0;

  // The logits' gradient, in place, after the bias was added (may be undefined). `posteriors` holds the
  // log-sums too; scales: per utterance, f32 on the CPU.
  virtual void gradient(torch::Tensor& logits, const torch::Tensor& bias, const PackedLattices& lattices,
                        const torch::Tensor& rows, const RowTensors& posteriors, const torch::Tensor& scales,
                        double clamp) const = 0;

  // Through dropout and relu, added to [B * T, H] and [B * (U + 1), H].
  virtual void add_hidden_gradient(const torch::Tensor& hidden, const torch::Tensor& hidden_gradient,
                                   const PackedLattices& lattices, const torch::Tensor& rows,
                                   const HiddenDropout& dropout, torch::Tensor& encoder_gradient,
                                   torch::Tensor& predictor_gradient) const = 0;
};

// Loops on the CPU.
std::unique_ptr<const TileMath> make_loop_tile_math();

// Torch operations on any device; what the lattice needs goes through the CPU.
std::unique_ptr<const TileMath> make_torch_tile_math();

}  // namespace glossa::train
