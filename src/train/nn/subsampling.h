// NeMo's dw_striding causal subsampling: stride-2 3 x 3 convolutions over the mel image, then a linear layer.
#pragma once

#include <vector>

#include "model/model_config.h"
#include "train/nn/parameters.h"

namespace glossa::train {

class Subsampling {
 public:
  Subsampling(const model::ModelConfig& config, const Parameters& parameters);

  // mels [B, mels, frames], lengths int64 [B] on the CPU -> [B, subsampled frames, d_model]; what lies beyond
  // a length has no influence on what lies before it.
  torch::Tensor forward(const torch::Tensor& mels, const torch::Tensor& lengths) const;

  // Mel frames to encoder frames.
  torch::Tensor subsampled(torch::Tensor lengths) const;

 private:
  struct Stage {
    torch::Tensor depthwise_weight;
    torch::Tensor depthwise_bias;
    Linear pointwise;
  };

  Linear conv_;                // [channels, 1, 3, 3]: one input channel
  std::vector<Stage> stages_;  // the doublings behind the first
  Linear out_;
};

}  // namespace glossa::train
