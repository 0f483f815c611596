#include "engine/encoder.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace glossa::engine {
namespace {

std::vector<ConformerLayer> make_layers(const backend::Backend& backend, const model::EncoderConfig& config,
                                        WeightStore& store) {
  std::vector<ConformerLayer> layers;
  for (int layer = 0; layer < config.layers; ++layer) layers.emplace_back(backend, config, store, layer);
  return layers;
}

std::vector<const backend::PackedWeight*> position_weights(const std::vector<ConformerLayer>& layers) {
  std::vector<const backend::PackedWeight*> weights;
  for (const ConformerLayer& layer : layers) weights.push_back(&layer.position_weight());
  return weights;
}

}  // namespace

Encoder::Encoder(const backend::Backend& backend, const model::ModelConfig& config, WeightStore& store,
                 CacheFormat kv_cache)
    : config_(config.encoder),
      kv_cache_(kv_cache),
      subsampling_(backend, config, store),
      layers_(make_layers(backend, config.encoder, store)),
      positions_(backend, config.encoder.d_model, config.encoder.heads, position_weights(layers_)) {
  AttContext widest;
  for (const AttContext& context : config.encoder.att_contexts) {
    widest.left = std::max(widest.left, context.left);
    widest.right = std::max(widest.right, context.right);
  }
  positions_.covering(widest);
  for (const ConformerLayer& layer : layers_) store.release(layer.position_weight());
}

EncodedFrames Encoder::step(std::span<const EncoderInput> inputs, EncoderWorkspace& workspace,
                            const Observer& observe) const {
  enter(workspace.layer.clock, Stage::kSubsampling);
  std::vector<SubsamplingInput> images;
  for (const EncoderInput& input : inputs) images.push_back(input.subsampling);
  EncodedFrames encoded;
  encoded.rows = subsampling_.step(images, workspace.subsampling, encoded.counts, workspace.frames);
  if (observe) observe("subsampling", encoded);

  std::vector<StreamRows> streams;
  std::int64_t first = 0;
  for (std::size_t index = 0; index < inputs.size(); ++index) {
    const std::int64_t count = encoded.counts[index];
    if (count == 0) continue;
    inputs[index].cache->begin(count);
    streams.push_back({first, count, inputs[index].cache});
    first += count;
  }
  for (std::size_t layer = 0; layer < layers_.size(); ++layer) {
    layers_[layer].step(encoded.rows, streams, workspace.layer);
    if (observe) observe(fmt::format("layer.{}", layer), encoded);
  }
  for (const StreamRows& stream : streams) stream.cache->end();
  if (observe) observe("encoder", encoded);
  return encoded;
}

EncoderCache Encoder::make_cache(AttContext context) const {
  return EncoderCache(config_, context, kv_cache_, positions_.covering(context));
}

}  // namespace glossa::engine
