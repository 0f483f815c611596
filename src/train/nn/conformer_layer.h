// One FastConformer block: half a feed-forward, attention, convolution, half a feed-forward, each behind its
// norm and added to the stream; a norm at the end.
#pragma once

#include "train/nn/asr_model.h"
#include "train/nn/parameters.h"
#include "train/nn/relative_attention.h"

namespace glossa::train {

class ConformerLayer {
 public:
  ConformerLayer(const model::EncoderConfig& config, const Parameters& parameters, int layer);

  // x [B, T, d_model] in f32.
  torch::Tensor forward(torch::Tensor x, const AttentionPlan& plan, const DropoutConfig& dropout) const;

 private:
  struct FeedForward {
    LayerNorm norm;
    Linear linear1;
    Linear linear2;
  };

  static FeedForward bind_feed_forward(const Parameters& parameters, const std::string& prefix,
                                       const std::string& name);
  static torch::Tensor feed_forward(const FeedForward& module, const torch::Tensor& x,
                                    const DropoutConfig& dropout);
  torch::Tensor convolution(const torch::Tensor& x) const;

  FeedForward feed_forward1_;
  LayerNorm norm_self_att_;
  RelativeAttention self_attn_;
  LayerNorm norm_conv_;
  Linear pointwise_conv1_;
  torch::Tensor depthwise_weight_, depthwise_bias_;
  LayerNorm conv_norm_;
  Linear pointwise_conv2_;
  FeedForward feed_forward2_;
  LayerNorm norm_out_;
};

}  // namespace glossa::train
