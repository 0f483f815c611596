// Dropout of activations. Draws belong to the thread: threads that train shares of one batch side by side do
// not disturb each other's, and a run repeats bit by bit.
#pragma once

#include "train/torch.h"

namespace glossa::train {

// Later drop() calls of the calling thread follow from `seed` alone.
void seed_dropout(std::uint64_t seed);

// Elements of x are 0 with that probability, and the others scaled so that the mean stays. The identity for a
// probability of 0.
torch::Tensor drop(const torch::Tensor& x, double probability);

}  // namespace glossa::train
