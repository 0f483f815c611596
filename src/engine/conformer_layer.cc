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
  const auto linear = [&](const char* name) { return bind_linear(store, backend, prefix + name); };
  const auto norm = [&](const char* name) { return bind_layer_norm(store, prefix + name); };
  feed_forward1_ = {norm("norm_feed_forward1"), linear("feed_forward1.linear1"),
                    linear("feed_forward1.linear2")};
  norm_self_att_ = norm("norm_self_att");
  linear_q_ = linear("self_attn.linear_q");
  linear_k_ = linear("self_attn.linear_k");
  linear_v_ = linear("self_attn.linear_v");
  linear_out_ = linear("self_attn.linear_out");
  linear_pos_ = linear("self_attn.linear_pos");
  pos_bias_u_ = store.vector(prefix + "self_attn.pos_bias_u");
  pos_bias_v_ = store.vector(prefix + "self_attn.pos_bias_v");
  norm_conv_ = norm("norm_conv");
  pointwise_conv1_ = linear("conv.pointwise_conv1");
  depthwise_taps_ = bind_transposed(store, prefix + "conv.depthwise_conv.weight");
  depthwise_bias_ = store.optional_vector(prefix + "conv.depthwise_conv.bias");
  conv_norm_ = norm("conv.batch_norm");  // a LayerNorm; the name is historical
  pointwise_conv2_ = linear("conv.pointwise_conv2");
  feed_forward2_ = {norm("norm_feed_forward2"), linear("feed_forward2.linear1"),
                    linear("feed_forward2.linear2")};
  norm_out_ = norm("norm_out");
}

void ConformerLayer::step(Matrix<float> x, std::span<const StreamRows> streams,
                          LayerWorkspace& workspace) const {
  feed_forward(feed_forward1_, x, workspace);
  self_attention(x, streams, workspace);
  convolution(x, streams, workspace);
  feed_forward(feed_forward2_, x, workspace);
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
  backend_.linear(normal, *linear_q_.weight, {.bias = linear_q_.bias}, queries);
  backend_.linear(normal, *linear_k_.weight, {.bias = linear_k_.bias}, keys);
  backend_.linear(normal, *linear_v_.weight, {.bias = linear_v_.bias}, values);

  workspace.attention.clear();
  for (const StreamRows& stream : streams) {
    EncoderCache& cache = *stream.cache;
    const Matrix<float> all_keys = cache.keys(layer_);
    const Matrix<float> all_values = cache.values(layer_);
    const auto elements = static_cast<std::size_t>(stream.count * x.cols);
    std::copy_n(keys.row(stream.first), elements, all_keys.row(cache.cached()));
    std::copy_n(values.row(stream.first), elements, all_values.row(cache.cached()));
    const RelativePositions& positions = cache.positions();
    workspace.attention.push_back({.queries = queries.rows_from(stream.first, stream.count),
                                   .keys = all_keys,
                                   .values = all_values,
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
  const std::int64_t tail = kernel_ - 1;
  const Matrix<float> normal = workspace.normal.resize(x.rows, x.cols);
  const Matrix<float> gated = workspace.wide.resize(x.rows, 2 * x.cols);
  const Matrix<float> mixed = workspace.mixed.resize(x.rows, x.cols);
  backend_.layer_norm(x, norm_conv_.weight, norm_conv_.bias, Activation::kNone, normal);
  backend_.linear(normal, *pointwise_conv1_.weight, {.bias = pointwise_conv1_.bias}, gated);
  for (const StreamRows& stream : streams) {
    const Matrix<float> past = stream.cache->conv_tail(layer_);
    const Matrix<float> joined = workspace.with_tail.resize(tail + stream.count, x.cols);
    std::copy_n(past.data, tail * x.cols, joined.data);
    backend_.glu(gated.rows_from(stream.first, stream.count), joined.rows_from(tail, stream.count));
    backend_.depthwise_conv(joined, {depthwise_taps_, kernel_, x.cols, x.cols}, depthwise_bias_,
                            mixed.rows_from(stream.first, stream.count));
    std::copy_n(joined.row(stream.count), tail * x.cols, past.data);
  }
  backend_.layer_norm(mixed, conv_norm_.weight, conv_norm_.bias, Activation::kSwish, mixed);
  backend_.linear(mixed, *pointwise_conv2_.weight, {.bias = pointwise_conv2_.bias, .residual_scale = 1.0f},
                  x);
}

}  // namespace glossa::engine
