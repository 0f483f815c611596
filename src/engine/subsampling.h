// NeMo's dw_striding causal subsampling: stride-2 3 x 3 convolutions over the mel image, then a linear layer.
#pragma once

#include <span>
#include <vector>

#include "backend/backend.h"
#include "engine/encoder_cache.h"
#include "engine/weights.h"
#include "model/model_config.h"

namespace glossa::engine {

// One stream's part of a step.
struct SubsamplingInput {
  backend::Matrix<const float> mels;  // [new mel frames, mels]
  SubsamplingCache* cache = nullptr;  // what is kept between steps; null: the mels are a window of their own
  bool finish = false;           // no more mels will come: the last frames see zero padding on their right
  std::int64_t drop_frames = 0;  // output frames at the front that are thrown away (windows only)
};

// Buffers that a step needs and nobody reads afterwards.
struct SubsamplingWorkspace {
  std::vector<backend::Buffer> inputs;  // each stage's kept and new input frames
  backend::Buffer convolved;            // between a depthwise and a pointwise convolution
  backend::Buffer image;                // the last stage's output
  std::vector<float> flat;              // its frames of all streams, flattened
};

// Immutable; any thread may use it, each with its own workspace.
class Subsampling {
 public:
  Subsampling(const backend::Backend& backend, const model::ModelConfig& config, WeightStore& store);

  // The frames of all inputs, one after the other, [sum of counts, d_model]; `counts` receives one number per
  // input. Keeping each convolution's input instead of old mel frames makes chunks equal to the whole
  // utterance exactly.
  backend::Matrix<float> step(std::span<const SubsamplingInput> inputs, SubsamplingWorkspace& workspace,
                              std::vector<std::int64_t>& counts, backend::Buffer& output) const;

 private:
  backend::Matrix<const float> convolve(backend::Matrix<const float> mels, bool finish,
                                        SubsamplingCache& cache, SubsamplingWorkspace& workspace) const;
  void flatten(const float* pixels, float* flat) const;

  struct Stage {
    backend::StridedConv conv;
    Linear pointwise;   // after every convolution but the first
    std::int64_t bins;  // input frequencies
  };

  const backend::Backend& backend_;
  std::int64_t channels_;
  float scale_;  // sqrt(d_model) with scale_input, else 1
  std::vector<Stage> stages_;
  Linear out_;
};

}  // namespace glossa::engine
