#include "engine/prompt_fusion.h"

#include <utility>

namespace glossa::engine {

using backend::Matrix;

PromptFusion::PromptFusion(const backend::Backend& backend, const model::ModelConfig& config,
                           WeightStore& store)
    : backend_(backend), second_(store.linear("prompt_kernel.2", Precision::kAtLeast8Bits, nullptr)) {
  const std::int64_t d_model = config.encoder.d_model;
  frame_weight_ = store.packed("prompt_kernel.0.weight", Precision::kAtLeast8Bits, nullptr, d_model);
  const WeightStore::Values first =
      store.values("prompt_kernel.0.weight");  // [hidden, d_model + num_prompts]
  const float* bias = store.vector("prompt_kernel.0.bias");
  std::vector<float> slots(static_cast<std::size_t>(config.prompt.num_prompts * first.matrix.rows));
  for (std::int64_t slot = 0; slot < config.prompt.num_prompts; ++slot) {
    for (std::int64_t unit = 0; unit < first.matrix.rows; ++unit) {
      slots[static_cast<std::size_t>(slot * first.matrix.rows + unit)] =
          bias[unit] + first.matrix.row(unit)[d_model + slot];
    }
  }
  slot_bias_ = {store.keep(std::move(slots)), config.prompt.num_prompts, first.matrix.rows,
                first.matrix.rows};
}

Matrix<float> PromptFusion::apply(Matrix<const float> frames, std::span<const PromptRows> streams,
                                  backend::Buffer& hidden, backend::Buffer& output) const {
  const Matrix<float> inner = hidden.resize(frames.rows, frame_weight_->rows());
  backend_.linear(frames, *frame_weight_, {}, inner);
  for (const PromptRows& stream : streams) {
    const Matrix<float> rows = inner.rows_from(stream.first, stream.count);
    const Matrix<const float> bias{slot_bias_.row(stream.slot), stream.count, slot_bias_.cols, /*stride=*/0};
    backend_.add_relu(rows, bias, rows);
  }
  const Matrix<float> fused = output.resize(frames.rows, second_.weight->rows());
  backend_.linear(inner, *second_.weight, {.bias = second_.bias}, fused);
  return fused;
}

}  // namespace glossa::engine
