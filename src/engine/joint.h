// The transducer's joint network: logits = W_o relu(W_e frame + b_e + W_p prediction + b_p) + b_o.
#pragma once

#include "backend/backend.h"
#include "engine/weights.h"
#include "model/model_config.h"

namespace glossa::engine {

// Immutable; any thread may use it.
class Joint {
 public:
  Joint(const backend::Backend& backend, WeightStore& store);

  std::int64_t hidden_size() const { return encoder_.weight->rows(); }
  std::int64_t outputs() const { return output_.weight->rows(); }

  // Once per frame: [rows, d_model] -> [rows, hidden].
  backend::Matrix<float> project_frames(backend::Matrix<const float> frames, backend::Buffer& output) const;
  // Once per label: [rows, predictor hidden] -> [rows, hidden].
  void project_predictions(backend::Matrix<const float> predictions, backend::Matrix<float> output) const;
  // hidden = relu(frame + prediction), which backend.add_relu makes: [rows, hidden] -> [rows, outputs].
  void logits(backend::Matrix<const float> hidden, backend::Matrix<float> output) const;

 private:
  const backend::Backend& backend_;
  Linear encoder_;
  Linear predictor_;
  Linear output_;
};

}  // namespace glossa::engine
