#include "train/nn/conformer_layer.h"

#include <fmt/format.h>

#include "train/nn/depthwise_conv.h"
#include "train/nn/dropout.h"

namespace glossa::train {
namespace {

std::string prefix_of(int layer) { return fmt::format("encoder.layers.{}.", layer); }

}  // namespace

ConformerLayer::ConformerLayer(const model::EncoderConfig& config, const Parameters& parameters, int layer)
    : feed_forward1_(bind_feed_forward(parameters, prefix_of(layer), "feed_forward1")),
      norm_self_att_(parameters.layer_norm(prefix_of(layer) + "norm_self_att")),
      self_attn_(config, parameters, prefix_of(layer) + "self_attn."),
      norm_conv_(parameters.layer_norm(prefix_of(layer) + "norm_conv")),
      pointwise_conv1_(parameters.linear(prefix_of(layer) + "conv.pointwise_conv1")),
      depthwise_weight_(parameters.tensor(prefix_of(layer) + "conv.depthwise_conv.weight")),
      depthwise_bias_(parameters.optional_tensor(prefix_of(layer) + "conv.depthwise_conv.bias")),
      conv_norm_(parameters.layer_norm(prefix_of(layer) + "conv.batch_norm")),  // the name is historical
      pointwise_conv2_(parameters.linear(prefix_of(layer) + "conv.pointwise_conv2")),
      feed_forward2_(bind_feed_forward(parameters, prefix_of(layer), "feed_forward2")),
      norm_out_(parameters.layer_norm(prefix_of(layer) + "norm_out")) {}

ConformerLayer::FeedForward ConformerLayer::bind_feed_forward(const Parameters& parameters,
                                                              const std::string& prefix,
                                                              const std::string& name) {
  return {parameters.layer_norm(prefix + "norm_" + name), parameters.linear(prefix + name + ".linear1"),
          parameters.linear(prefix + name + ".linear2")};
}

torch::Tensor ConformerLayer::forward(torch::Tensor x, const AttentionPlan& plan,
                                      const DropoutConfig& dropout) const {
  x = torch::add(x, drop(feed_forward(feed_forward1_, x, dropout), dropout.dropout), 0.5);
  x = x + drop(self_attn_.forward(norm_self_att_(x), plan, dropout.dropout_att), dropout.dropout);
  x = x + drop(convolution(norm_conv_(x)), dropout.dropout);
  x = torch::add(x, drop(feed_forward(feed_forward2_, x, dropout), dropout.dropout), 0.5);
  return norm_out_(x);
}

torch::Tensor ConformerLayer::feed_forward(const FeedForward& module, const torch::Tensor& x,
                                           const DropoutConfig& dropout) {
  const torch::Tensor hidden = torch::silu(module.linear1(module.norm(x)));
  return module.linear2(drop(hidden, dropout.dropout));
}

// Frames beyond a length need no zeros here: nothing reads ahead.
torch::Tensor ConformerLayer::convolution(const torch::Tensor& x) const {
  const torch::Tensor gated = torch::glu(pointwise_conv1_(x), -1).unsqueeze(2);  // [B, T, 1, d_model]
  const torch::Tensor convolved =
      depthwise_conv(gated, depthwise_weight_.unsqueeze(-1), depthwise_bias_, /*stride=*/1, /*lengths=*/{});
  return pointwise_conv2_(torch::silu(conv_norm_(convolved.squeeze(2))));
}

}  // namespace glossa::train
