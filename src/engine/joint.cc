#include "engine/joint.h"

namespace glossa::engine {

using backend::Matrix;

Joint::Joint(const backend::Backend& backend, WeightStore& store)
    : backend_(backend),
      encoder_(store.linear("joint.enc", Precision::kAtLeast16Bits, nullptr)),
      predictor_(store.linear("joint.pred", Precision::kAtLeast16Bits, nullptr)),
      output_(store.linear("joint.joint_net.2", Precision::kAtLeast16Bits, nullptr)) {}

Matrix<float> Joint::project_frames(Matrix<const float> frames, backend::Buffer& output) const {
  const Matrix<float> projected = output.resize(frames.rows, hidden_size());
  backend_.linear(frames, *encoder_.weight, {.bias = encoder_.bias}, projected);
  return projected;
}

void Joint::project_predictions(Matrix<const float> predictions, Matrix<float> output) const {
  backend_.linear(predictions, *predictor_.weight, {.bias = predictor_.bias}, output);
}

void Joint::logits(Matrix<const float> hidden, Matrix<float> output) const {
  backend_.linear(hidden, *output_.weight, {.bias = output_.bias}, output);
}

}  // namespace glossa::engine
