// One FastConformer block over a ragged batch: the new frames of all streams, one after the other.
#pragma once

#include <span>

#include "backend/backend.h"
#include "engine/encoder_cache.h"
#include "engine/stage_clock.h"
#include "engine/weights.h"
#include "model/model_config.h"

namespace glossa::engine {

// Rows [first, first + count) of the batch belong to the stream with this cache.
struct StreamRows {
  std::int64_t first = 0;
  std::int64_t count = 0;
  EncoderCache* cache = nullptr;
};

struct LayerWorkspace {
  backend::Buffer normal;  // a branch's normalised input
  backend::Buffer wide;    // feed-forward hidden, GLU input
  backend::Buffer queries;
  backend::Buffer keys;
  backend::Buffer values;
  backend::Buffer mixed;  // attention output, convolution output
  std::vector<backend::AttentionStream> attention;
  std::vector<backend::ConvStream> convolution;
  StageClock* clock = nullptr;  // none: not measured
};

// Immutable; any thread may use it, each with its own workspace.
class ConformerLayer {
 public:
  ConformerLayer(const backend::Backend& backend, const model::EncoderConfig& config, WeightStore& store,
                 int layer);

  // x [rows, d_model] is replaced by the block's output; the caches receive the rows' keys, values and tails.
  void step(backend::Matrix<float> x, std::span<const StreamRows> streams, LayerWorkspace& workspace) const;

  const backend::PackedWeight& position_weight() const { return *linear_pos_.weight; }

 private:
  struct FeedForward {
    LayerNorm norm;
    Linear linear1;
    Linear linear2;
  };

  void feed_forward(const FeedForward& module, backend::Matrix<float> x, LayerWorkspace& workspace) const;
  void self_attention(backend::Matrix<float> x, std::span<const StreamRows> streams,
                      LayerWorkspace& workspace) const;
  void convolution(backend::Matrix<float> x, std::span<const StreamRows> streams,
                   LayerWorkspace& workspace) const;

  const backend::Backend& backend_;
  int layer_;
  int heads_;
  std::int64_t kernel_;
  FeedForward feed_forward1_;
  LayerNorm norm_self_att_;
  Linear linear_q_, linear_k_, linear_v_, linear_out_, linear_pos_;
  const float* pos_bias_u_;
  const float* pos_bias_v_;
  LayerNorm norm_conv_;
  Linear pointwise_conv1_, pointwise_conv2_;
  const float* depthwise_taps_;  // [kernel, d_model]
  const float* depthwise_bias_;
  LayerNorm conv_norm_;
  FeedForward feed_forward2_;
  LayerNorm norm_out_;
};

}  // namespace glossa::engine
