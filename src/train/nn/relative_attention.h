// Self-attention with relative positions (Transformer-XL, NeMo's RelPositionMultiHeadAttention) under the
// chunked_limited mask. Score of query i and key j: ((q_i + u) k_j + (q_i + v) W_pos PE(i - j)) / sqrt(head
// size).
#pragma once

#include "glossa/types.hpp"
#include "model/model_config.h"
#include "train/nn/parameters.h"

namespace glossa::train {

// Queries go in blocks of whole chunks; a block sees the keys of its own frames and of left_keys before them.
// Long sequences so cost their length times the context, not its square.
struct AttentionPlan {
  std::int64_t frames = 0;     // T
  std::int64_t block = 0;      // queries of a block
  std::int64_t blocks = 0;     // blocks * block >= T
  std::int64_t left_keys = 0;  // 0 with one block
  torch::Tensor mask;       // [B, blocks, block, left_keys + block]: 0 where the key is seen, else -infinity
  torch::Tensor positions;  // PE(m) for m from left_keys + block - 1 down to -(block - 1), [offsets, d_model]

  std::int64_t keys() const { return left_keys + block; }
  std::int64_t padded() const { return blocks * block; }
};

// The cheapest plan for that many frames. lengths: int64 [B] on the CPU. Queries beyond a length see
// something, too, so that no row is empty.
AttentionPlan plan_attention(AttContext context, std::int64_t frames, const torch::Tensor& lengths,
                             int d_model, torch::Device device);

// Computed in f32, under autocast as well.
class RelativeAttention {
 public:
  RelativeAttention(const model::EncoderConfig& config, const Parameters& parameters,
                    const std::string& prefix);

  // x [B, T, d_model] -> [B, T, d_model].
  torch::Tensor forward(const torch::Tensor& x, const AttentionPlan& plan, double dropout_att) const;

 private:
  torch::Tensor attend(torch::Tensor queries, const torch::Tensor& keys, const torch::Tensor& values,
                       const torch::Tensor& positions, const AttentionPlan& plan, double dropout_att) const;

  std::int64_t heads_;
  std::int64_t head_size_;
  Linear linear_q_, linear_k_, linear_v_, linear_out_, linear_pos_;
  torch::Tensor pos_bias_u_, pos_bias_v_;
};

}  // namespace glossa::train
