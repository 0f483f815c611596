#include "train/nn/subsampling.h"

#include <fmt/format.h>

#include "model/tensor_spec.h"
#include "train/nn/depthwise_conv.h"

namespace glossa::train {
namespace {

torch::Tensor halved(const torch::Tensor& lengths) { return lengths.div(2, "floor") + 1; }

}  // namespace

Subsampling::Subsampling(const model::ModelConfig& config, const Parameters& parameters) {
  const std::string prefix = "encoder.pre_encode.";
  conv_ = parameters.linear(prefix + "conv.0");
  for (int stage = 1; stage < model::stride_2_layers(config.encoder); ++stage) {
    // Positions in NeMo's nn.Sequential: 0 conv, 1 ReLU, then 2 depthwise, 3 pointwise, 4 ReLU, and so on.
    const Linear depthwise = parameters.linear(fmt::format("{}conv.{}", prefix, 3 * stage - 1));
    stages_.push_back(
        {depthwise.weight, depthwise.bias, parameters.linear(fmt::format("{}conv.{}", prefix, 3 * stage))});
  }
  out_ = parameters.linear(prefix + "out");
}

torch::Tensor Subsampling::forward(const torch::Tensor& mels, const torch::Tensor& lengths) const {
  const std::int64_t batch = mels.size(0);
  const torch::Tensor mask = length_mask(lengths, mels.size(2), mels);
  const torch::Tensor image = (mels * mask.unsqueeze(1)).transpose(1, 2);  // [B, frames, mels]
  // Nine numbers a position make the first convolution a matrix product.
  const torch::Tensor patches = torch::constant_pad_nd(image, {2, 1, 2, 1}).unfold(1, 3, 2).unfold(2, 3, 2);
  torch::Tensor x = patches.reshape({batch, patches.size(1), patches.size(2), 9});
  x = torch::linear(x, conv_.weight.flatten(1), conv_.bias).relu_();
  torch::Tensor valid = halved(lengths);
  for (const Stage& stage : stages_) {
    x = depthwise_conv(x, stage.depthwise_weight, stage.depthwise_bias, /*stride=*/2, valid);
    x = stage.pointwise(x).relu_();
    valid = halved(valid);
  }
  // NeMo flattens channel major, frequency minor.
  return out_(x.transpose(2, 3).reshape({batch, x.size(1), -1}));
}

torch::Tensor Subsampling::subsampled(torch::Tensor lengths) const {
  for (std::size_t stage = 0; stage < stages_.size() + 1; ++stage) lengths = halved(lengths);
  return lengths;
}

}  // namespace glossa::train
