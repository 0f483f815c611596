// The cache-aware streaming FastConformer encoder: one step for all ready streams.
#pragma once

#include <functional>
#include <span>
#include <string_view>
#include <vector>

#include "engine/conformer_layer.h"
#include "engine/subsampling.h"

namespace glossa::engine {

// One stream's part of a step.
struct EncoderInput {
  SubsamplingInput subsampling;
  EncoderCache* cache = nullptr;
};

struct EncoderWorkspace {
  SubsamplingWorkspace subsampling;
  LayerWorkspace layer;
  backend::Buffer frames;
};

// What a step made: [sum of counts, d_model], stream by stream. Lives in the workspace.
struct EncodedFrames {
  backend::Matrix<float> rows;
  std::vector<std::int64_t> counts;  // one per input; may be 0
};

// Immutable; any thread may use it, each with its own workspace.
class Encoder {
 public:
  // `kv_cache`: the number format of every stream's keys and values, not kAuto.
  Encoder(const backend::Backend& backend, const model::ModelConfig& config, WeightStore& store,
          CacheFormat kv_cache);

  // `observe(stage, frames)`, when given, sees "subsampling", "layer.0", ..., "encoder".
  using Observer = std::function<void(std::string_view stage, const EncodedFrames& frames)>;
  EncodedFrames step(std::span<const EncoderInput> inputs, EncoderWorkspace& workspace,
                     const Observer& observe) const;

  EncoderCache make_cache(AttContext context) const;

 private:
  const model::EncoderConfig config_;
  CacheFormat kv_cache_;
  Subsampling subsampling_;
  std::vector<ConformerLayer> layers_;
  RelativePositionTable positions_;
};

}  // namespace glossa::engine
