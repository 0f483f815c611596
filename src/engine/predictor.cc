#include "engine/predictor.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace glossa::engine {

using backend::Matrix;

Predictor::Predictor(const backend::Backend& backend, const model::PredictorConfig& config,
                     WeightStore& store)
    : backend_(backend),
      blank_id_(config.blank_id()),
      size_(config.hidden),
      embedding_(store.matrix("decoder.prediction.embed.weight")) {
  const std::string prefix = "decoder.prediction.dec_rnn.lstm.";
  for (int layer = 0; layer < config.layers; ++layer) {
    const auto side = [&](const char* name) {
      return Linear{
          store.packed(fmt::format("{}weight_{}_l{}", prefix, name, layer), Precision::kAtLeast16Bits),
          store.vector(fmt::format("{}bias_{}_l{}", prefix, name, layer))};
    };
    layers_.push_back({side("ih"), side("hh")});
  }
}

PredictorState Predictor::zero_state() const {
  const std::size_t size = layers_.size() * static_cast<std::size_t>(size_);
  return {std::vector<float>(size, 0.0f), std::vector<float>(size, 0.0f)};
}

Matrix<const float> Predictor::step(std::span<const int> labels, std::span<PredictorState* const> states,
                                    PredictorWorkspace& workspace) const {
  const auto rows = static_cast<std::int64_t>(labels.size());
  const Matrix<float> input = workspace.input.resize(rows, size_);
  const Matrix<float> hidden = workspace.hidden.resize(rows, size_);
  const Matrix<float> cell = workspace.cell.resize(rows, size_);
  const Matrix<float> gates = workspace.gates.resize(rows, 4 * size_);
  for (std::int64_t row = 0; row < rows; ++row) {
    const int label = labels[static_cast<std::size_t>(row)];
    if (label == blank_id_)
      std::fill_n(input.row(row), size_, 0.0f);
    else
      std::copy_n(embedding_.row(label), size_, input.row(row));
  }
  for (std::size_t layer = 0; layer < layers_.size(); ++layer) {
    const std::int64_t offset = static_cast<std::int64_t>(layer) * size_;
    for (std::int64_t row = 0; row < rows; ++row) {
      const PredictorState& state = *states[static_cast<std::size_t>(row)];
      std::copy_n(state.hidden.data() + offset, size_, hidden.row(row));
      std::copy_n(state.cell.data() + offset, size_, cell.row(row));
    }
    const LstmLayer& lstm = layers_[layer];
    backend_.linear(input, *lstm.input.weight, {.bias = lstm.input.bias}, gates);
    backend_.linear(hidden, *lstm.recurrent.weight, {.bias = lstm.recurrent.bias, .residual_scale = 1.0f},
                    gates);
    backend_.lstm_cell(gates, cell, input);  // the hidden state is the next layer's input
    for (std::int64_t row = 0; row < rows; ++row) {
      PredictorState& state = *states[static_cast<std::size_t>(row)];
      std::copy_n(input.row(row), size_, state.hidden.data() + offset);
      std::copy_n(cell.row(row), size_, state.cell.data() + offset);
    }
  }
  return input;
}

}  // namespace glossa::engine
