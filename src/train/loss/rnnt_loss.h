// RNN-T loss with FastEmit, fused with the joint's output layer: logits exist for one tile of the lattice at
// a time, forward and backward, never as [B, T, U + 1, V]. Source: the gradient formula of NeMo's default
// loss (warprnnt_numba), see docs/training.md:
//   value = -(1 + lambda) logZ
//   g(t,u,k) = exp(alpha + beta + lp_k - logZ)
//            + [u<U] lambda exp(alpha(t,u) + lp(t,u,y_u) + beta(t,u+1) + lp_k - logZ)
//            - [k=blank] (t=T-1 and u=U: exp(alpha + lp_k - logZ); t<T-1: exp(alpha + lp_k + beta(t+1,u) -
//            logZ))
//            - [u<U and k=y_u] (1 + lambda) exp(alpha + lp_k + beta(t,u+1) - logZ)
// With lambda > 0 the gradient is not the derivative of the value: that is how the field trains.
#pragma once

#include <cstdint>

#include "train/torch.h"

namespace glossa::train {

struct RnntLossOptions {
  double fastemit_lambda = 0.005;
  double clamp = -1;                   // components of the logits' gradient are clamped to +-clamp when > 0
  std::int64_t tile_bytes = 64 << 20;  // of logits that exist at once; 64 MiB fit the caches of CPUs
};

// Differentiable in the first four. `encoder` [B, T, H] and `predictor` [B, U + 1, H] are the joint's two
// halves (biases included); logits are weight relu(encoder_t + predictor_u) + bias, blank last. targets int64
// [B, U]; lengths int64 [B] on the CPU or the device: 1 <= T_b <= T, 0 <= U_b <= U. `dropout` of the joint's
// hidden layer is drawn from `seed` and recomputed in the backward pass; 0 in evaluation. Returns the losses
// [B], f32.
torch::Tensor rnnt_joint_loss(const torch::Tensor& encoder, const torch::Tensor& predictor,
                              const torch::Tensor& weight, const torch::Tensor& bias,
                              const torch::Tensor& targets, const torch::Tensor& encoder_lengths,
                              const torch::Tensor& target_lengths, const RnntLossOptions& options,
                              double dropout = 0, std::uint64_t seed = 0);

// The same loss of logits [B, T, U + 1, V] that exist already: oracle of the fused one, and what goldens are
// given as.
torch::Tensor rnnt_loss(const torch::Tensor& logits, const torch::Tensor& targets,
                        const torch::Tensor& encoder_lengths, const torch::Tensor& target_lengths,
                        const RnntLossOptions& options);

}  // namespace glossa::train
