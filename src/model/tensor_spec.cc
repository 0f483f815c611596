#include "model/tensor_spec.h"

#include <fmt/format.h>

#include <array>
#include <string_view>

namespace glossa::model {
namespace {

class SpecList {
 public:
  void add(std::string name, std::vector<std::int64_t> shape) {
    specs_.push_back({std::move(name), std::move(shape), false, false});
  }
  void add_optional(std::string name, std::vector<std::int64_t> shape) {
    specs_.push_back({std::move(name), std::move(shape), true, false});
  }
  // A matrix product, `kernel` trailing dimensions of size 1 as in pointwise convolutions.
  void linear(const std::string& name, std::int64_t out, std::int64_t in, bool bias, int kernel_dims = 0) {
    std::vector<std::int64_t> shape{out, in};
    shape.insert(shape.end(), static_cast<std::size_t>(kernel_dims), 1);
    specs_.push_back({name + ".weight", std::move(shape), false, true});
    if (bias) add(name + ".bias", {out});
  }
  void layer_norm(const std::string& name, std::int64_t size) {
    add(name + ".weight", {size});
    add(name + ".bias", {size});
  }
  std::vector<TensorSpec> take() { return std::move(specs_); }

 private:
  std::vector<TensorSpec> specs_;
};

void add_subsampling(SpecList& list, const ModelConfig& config) {
  const EncoderConfig& encoder = config.encoder;
  const std::int64_t channels = encoder.subsampling_channels;
  const int strides = stride_2_layers(encoder);
  const std::int64_t bins = subsampled_length(config.features.mels, strides);
  const std::string prefix = "encoder.pre_encode.";
  list.linear(prefix + "out", encoder.d_model, channels * bins, /*bias=*/true);
  list.add(prefix + "conv.0.weight", {channels, 1, 3, 3});
  list.add(prefix + "conv.0.bias", {channels});
  // nn.Sequential: conv, ReLU, then (depthwise, pointwise, ReLU) for each further doubling.
  for (int index = 2; index < 2 + 3 * (strides - 1); index += 3) {
    list.add(fmt::format("{}conv.{}.weight", prefix, index), {channels, 1, 3, 3});
    list.add(fmt::format("{}conv.{}.bias", prefix, index), {channels});
    list.linear(fmt::format("{}conv.{}", prefix, index + 1), channels, channels, /*bias=*/true,
                /*kernel_dims=*/2);
  }
}

void add_conformer_layer(SpecList& list, const EncoderConfig& encoder, int layer) {
  const std::int64_t d = encoder.d_model;
  const bool bias = encoder.use_bias;
  const std::string prefix = fmt::format("encoder.layers.{}.", layer);
  list.layer_norm(prefix + "norm_feed_forward1", d);
  list.linear(prefix + "feed_forward1.linear1", encoder.ff_size(), d, bias);
  list.linear(prefix + "feed_forward1.linear2", d, encoder.ff_size(), bias);
  list.layer_norm(prefix + "norm_conv", d);
  list.linear(prefix + "conv.pointwise_conv1", 2 * d, d, bias, /*kernel_dims=*/1);
  list.add(prefix + "conv.depthwise_conv.weight", {d, 1, encoder.conv_kernel});
  if (bias) list.add(prefix + "conv.depthwise_conv.bias", {d});
  list.layer_norm(prefix + "conv.batch_norm", d);  // a LayerNorm; the name is historical
  list.linear(prefix + "conv.pointwise_conv2", d, d, bias, /*kernel_dims=*/1);
  list.layer_norm(prefix + "norm_self_att", d);
  list.add(prefix + "self_attn.pos_bias_u", {encoder.heads, encoder.head_size()});
  list.add(prefix + "self_attn.pos_bias_v", {encoder.heads, encoder.head_size()});
  for (const char* name : {"linear_q", "linear_k", "linear_v", "linear_out"}) {
    list.linear(prefix + "self_attn." + name, d, d, bias);
  }
  list.linear(prefix + "self_attn.linear_pos", d, d, /*bias=*/false);
  list.layer_norm(prefix + "norm_feed_forward2", d);
  list.linear(prefix + "feed_forward2.linear1", encoder.ff_size(), d, bias);
  list.linear(prefix + "feed_forward2.linear2", d, encoder.ff_size(), bias);
  list.layer_norm(prefix + "norm_out", d);
}

void add_transducer(SpecList& list, const ModelConfig& config) {
  const std::int64_t hidden = config.predictor.hidden;
  list.add("decoder.prediction.embed.weight", {config.joint.outputs, hidden});
  const std::string lstm = "decoder.prediction.dec_rnn.lstm.";
  for (int layer = 0; layer < config.predictor.layers; ++layer) {
    for (const char* side : {"ih", "hh"}) {
      list.add(fmt::format("{}weight_{}_l{}", lstm, side, layer), {4 * hidden, hidden});
    }
    for (const char* side : {"ih", "hh"}) {
      list.add(fmt::format("{}bias_{}_l{}", lstm, side, layer), {4 * hidden});
    }
  }
  list.linear("joint.pred", config.joint.hidden, hidden, /*bias=*/true);
  list.linear("joint.enc", config.joint.hidden, config.encoder.d_model, /*bias=*/true);
  list.linear("joint.joint_net.2", config.joint.outputs, config.joint.hidden, /*bias=*/true);
}

}  // namespace

std::int64_t TensorSpec::elements() const {
  std::int64_t product = 1;
  for (const std::int64_t size : shape) product *= size;
  return product;
}

int stride_2_layers(const EncoderConfig& encoder) {
  int layers = 0;
  for (int factor = encoder.subsampling_factor; factor > 1; factor /= 2) ++layers;
  return layers;
}

int subsampled_length(int length, int stride_2_layers) {
  for (int layer = 0; layer < stride_2_layers; ++layer) length = length / 2 + 1;
  return length;
}

std::vector<TensorSpec> tensor_specs(const ModelConfig& config) {
  SpecList list;
  const FeatureConfig& features = config.features;
  list.add_optional("preprocessor.featurizer.window", {features.window});
  list.add_optional("preprocessor.featurizer.fb", {1, features.mels, features.fft / 2 + 1});
  add_subsampling(list, config);
  for (int layer = 0; layer < config.encoder.layers; ++layer)
    add_conformer_layer(list, config.encoder, layer);
  add_transducer(list, config);
  if (config.has_prompt()) {
    const std::int64_t d = config.encoder.d_model;
    list.linear("prompt_kernel.0", config.prompt.hidden, d + config.prompt.num_prompts, /*bias=*/true);
    list.linear("prompt_kernel.2", d, config.prompt.hidden, /*bias=*/true);
  }
  return list.take();
}

bool is_ignored_tensor(const std::string& name) {
  constexpr std::array<std::string_view, 5> kPrefixes = {"preprocessor.", "spec_augmentation.", "loss.",
                                                         "wer.", "ctc_loss."};
  constexpr std::array<std::string_view, 3> kSuffixes = {".num_batches_tracked", ".inv_freq",
                                                         "encoder.pos_enc.pe"};
  for (const std::string_view prefix : kPrefixes) {
    if (name.starts_with(prefix)) return true;
  }
  for (const std::string_view suffix : kSuffixes) {
    if (name.ends_with(suffix)) return true;
  }
  return false;
}

}  // namespace glossa::model
