// For tests and benchmarks of the loss only.
#pragma once

#include <cstdint>

namespace glossa::train {

struct RnntLossInternals {
  // The path of other devices, on the CPU.
  bool force_torch_operations = false;

  // Lattice nodes that alignments pass with a smaller probability get no gradient, so their logits need not
  // be recomputed. Every frame and every label is passed with probability 1 in sum, and a row of the lattice
  // has some hundred nodes: what is left out is far below the last bit of an f32 sum. It spares half of a
  // random lattice and most of a trained model's.
  double negligible_occupancy = 1e-14;

  // Nodes of the last call's lattices, and those that its backward pass computed.
  std::int64_t nodes = 0;
  std::int64_t backward_nodes = 0;
};
RnntLossInternals& rnnt_loss_internals();

}  // namespace glossa::train
