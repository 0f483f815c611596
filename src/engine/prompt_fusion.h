// The language prompt: joins a one-hot language to every encoder frame (NeMo: prompt_kernel).
// e' = W2 relu(W1 [e ; onehot] + b1) + b2. The one-hot product picks a column of W1, so it is a bias per
// language.
#pragma once

#include <span>
#include <vector>

#include "backend/backend.h"
#include "engine/weights.h"
#include "model/model_config.h"

namespace glossa::engine {

// Rows [first, first + count) of a batch have this prompt slot.
struct PromptRows {
  std::int64_t first = 0;
  std::int64_t count = 0;
  int slot = 0;
};

// Immutable; any thread may use it.
class PromptFusion {
 public:
  PromptFusion(const backend::Backend& backend, const model::ModelConfig& config, WeightStore& store);

  // frames [rows, d_model] -> [rows, d_model] in `output`; `hidden` is scratch.
  backend::Matrix<float> apply(backend::Matrix<const float> frames, std::span<const PromptRows> streams,
                               backend::Buffer& hidden, backend::Buffer& output) const;

 private:
  const backend::Backend& backend_;
  std::unique_ptr<const backend::PackedWeight> frame_weight_;  // W1 without its one-hot columns
  backend::Matrix<const float> slot_bias_;                     // [num_prompts, hidden]: b1 + a column of W1
  Linear second_;
};

}  // namespace glossa::engine
