// The transducer's prediction network: an embedding and an LSTM over the labels emitted so far.
#pragma once

#include <span>
#include <vector>

#include "backend/backend.h"
#include "engine/weights.h"
#include "model/model_config.h"

namespace glossa::engine {

// One stream's LSTM state.
struct PredictorState {
  std::vector<float> hidden;  // [layers, size]
  std::vector<float> cell;    // [layers, size]
};

struct PredictorWorkspace {
  backend::Buffer input;
  backend::Buffer hidden;
  backend::Buffer cell;
  backend::Buffer gates;
};

// Immutable; any thread may use it, each with its own workspace.
class Predictor {
 public:
  Predictor(const backend::Backend& backend, const model::PredictorConfig& config, WeightStore& store);

  PredictorState zero_state() const;

  // Feeds one label to each state; blank counts as a zero embedding. The outputs [states, size] lie in the
  // workspace.
  backend::Matrix<const float> step(std::span<const int> labels, std::span<PredictorState* const> states,
                                    PredictorWorkspace& workspace) const;

 private:
  struct LstmLayer {
    Linear input;
    Linear recurrent;
  };

  const backend::Backend& backend_;
  int blank_id_;
  std::int64_t size_;
  backend::Matrix<const float> embedding_;
  std::vector<LstmLayer> layers_;
};

}  // namespace glossa::engine
