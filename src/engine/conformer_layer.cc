#include "engine/conformer_layer.h"

#include <fmt/format.h>

#include <algorithm>

namespace glossa::engine {

using backend::Activation;
using backend::Matrix;

ConformerLayer::ConformerLayer(const backend::Backend& backend, const model::EncoderConfig& config,
                               WeightStore& store, int layer)
    : backend_(backend), layer_(layer), heads_(config.heads), kernel_(config.conv_kernel) {
  const std::string prefix = fmt::format("encoder.layers.{}.", layer);
  const auto norm = [&](const char* name) { return bind_layer_norm(store, prefix + name); };
  // `input`: the norm whose output the linear layer reads, where it is one.
  const auto linear = [&](const std::string& name, const LayerNorm* input) {
    return store.linear(prefix + name, Precision::kAsChosen, input);
  };
  const auto sensitive = [&](const std::string& name, const LayerNorm* input) {
    return store.linear(prefix + name, Precision::kAtLeast8Bits, input);
  };
  const auto feed_forward = [&](const std::string& name) {
    FeedForward module;
    module.norm = bind_layer_norm(store, prefix + "norm_" + name);
    module.linear1 = linear(name + ".linear1", &module.norm);
    module.linear2 = linear(name + ".linear2", nullptr);
    return module;
  };
  feed_forward1_ = feed_forward("feed_forward1");
  norm_self_att_ = norm("norm_self_att");
  linear_q_ = linear("self_attn.linear_q", &norm_self_att_);
  linear_k_ = linear("self_attn.linear_k", &norm_self_att_);
  linear_v_ = sensitive("self_attn.linear_v", &norm_self_att_);
  linear_out_ = sensitive("self_attn.linear_out", nullptr);
  linear_pos_ = sensitive("self_attn.linear_pos", nullptr);
  pos_bias_u_ = store.vector(prefix + "self_attn.pos_bias_u");
  pos_bias_v_ = store.vector(prefix + "self_attn.pos_bias_v");
  norm_conv_ = norm("norm_conv");
  pointwise_conv1_ = sensitive("conv.pointwise_conv1", &norm_conv_);
  depthwise_taps_ = bind_transposed(store, prefix + "conv.depthwise_conv.weight");
  depthwise_bias_ = store.optional_vector(prefix + "conv.depthwise_conv.bias");
  conv_norm_ = norm("conv.batch_norm");  // a LayerNorm; the name is historical
  pointwise_conv2_ = sensitive("conv.pointwise_conv2", nullptr);
  feed_forward2_ = feed_forward("feed_forward2");
  norm_out_ = norm("norm_out");
}

void ConformerLayer::step(Matrix<float> x, std::span<const StreamRows> streams,
                          LayerWorkspace& workspace) const {
  enter(workspace.clock, Stage::kFeedForward);
  feed_forward(feed_forward1_, x, workspace);
  enter(workspace.clock, Stage::kAttention);
  self_attention(x, streams, workspace);
  enter(workspace.clock, Stage::kConvolution);
  convolution(x, streams, workspace);
  enter(workspace.clock, Stage::kFeedForward);
  feed_forward(feed_forward2_, x, workspace);
  enter(workspace.clock, Stage::kNorm);
  backend_.layer_norm(x, norm_out_.weight, norm_out_.bias, Activation::kNone, x);
}

void ConformerLayer::feed_forward(const FeedForward& module, Matrix<float> x,
                                  LayerWorkspace& workspace) const {
  const Matrix<float> normal = workspace.normal.resize(x.rows, x.cols);
  const Matrix<float> hidden = workspace.wide.resize(x.rows, module.linear1.weight->rows());
  backend_.layer_norm(x, module.norm.weight, module.norm.bias, Activation::kNone, normal);
  backend_.linear(normal, *module.linear1.weight,
                  {.bias = module.linear1.bias, .activation = Activation::kSwish}, hidden);
  backend_.linear(hidden, *module.linear2.weight, {.bias = module.linear2.bias, .residual_scale = 0.5f}, x);
}

void ConformerLayer::self_attention(Matrix<float> x, std::span<const StreamRows> streams,
                                    LayerWorkspace& workspace) const {
  const Matrix<float> normal = workspace.normal.resize(x.rows, x.cols);
  const Matrix<float> queries = workspace.queries.resize(x.rows, x.cols);
  const Matrix<float> keys = workspace.keys.resize(x.rows, x.cols);
  const Matrix<float> values = workspace.values.resize(x.rows, x.cols);
  const Matrix<float> mixed = workspace.mixed.resize(x.rows, x.cols);
  backend_.layer_norm(x, norm_self_att_.weight, norm_self_att_.bias, Activation::kNone, normal);
  const backend::LinearPart projections[] = {{linear_q_.weight.get(), {.bias = linear_q_.bias}, queries},
                                             {linear_k_.weight.get(), {.bias = linear_k_.bias}, keys},
                                             {linear_v_.weight.get(), {.bias = linear_v_.bias}, values}};
  backend_.linear(normal, projections);

  workspace.attention.clear();
  for (const StreamRows& stream : streams) {
    EncoderCache& cache = *stream.cache;
    const RelativePositions& positions = cache.positions();
    workspace.attention.push_back({.queries = queries.rows_from(stream.first, stream.count),
                                   .new_keys = keys.rows_from(stream.first, stream.count),
                                   .new_values = values.rows_from(stream.first, stream.count),
                                   .keys = cache.keys(layer_),
                                   .values = cache.values(layer_),
                                   .cached = cache.cached(),
                                   .context = cache.context(),
                                   .positions = positions.layers[static_cast<std::size_t>(layer_)].view(),
                                   .max_offset = positions.max_offset,
                                   .output = mixed.rows_from(stream.first, stream.count)});
  }
  backend_.attention(workspace.attention, heads_, pos_bias_u_, pos_bias_v_);
  backend_.linear(mixed, *linear_out_.weight, {.bias = linear_out_.bias, .residual_scale = 1.0f}, x);
}

void ConformerLayer::convolution(Matrix<float> x, std::span<const StreamRows> streams,
                                 LayerWorkspace& workspace) const {
  const Matrix<float> normal = workspace.normal.resize(x.rows, x.cols);
  const Matrix<float> gated = workspace.wide.resize(x.rows, 2 * x.cols);
  const Matrix<float> mixed = workspace.mixed.resize(x.rows, x.cols);
  backend_.layer_norm(x, norm_conv_.weight, norm_conv_.bias, Activation::kNone, normal);
  backend_.linear(normal, *pointwise_conv1_.weight, {.bias = pointwise_conv1_.bias}, gated);
  workspace.convolution.clear();
  for (const StreamRows& stream : streams) {
    workspace.convolution.push_back({.input = gated.rows_from(stream.first, stream.count),
                                     .tail = stream.cache->conv_tail(layer_),
                                     .oldest = stream.cache->oldest_tail_row(),
                                     .output = mixed.rows_from(stream.first, stream.count)});
  }
  backend_.glu_depthwise_conv(workspace.convolution, {depthwise_taps_, kernel_, x.cols, x.cols},
                              depthwise_bias_);
  backend_.layer_norm(mixed, conv_norm_.weight, conv_norm_.bias, Activation::kSwish, mixed);
  backend_.linear(mixed, *pointwise_conv2_.weight, {.bias = pointwise_conv2_.bias, .residual_scale = 1.0f},
                  x);
}

}  // namespace glossa::engine
