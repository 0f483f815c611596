// The checkpoint's tensors bound once, by name, to the members that use them.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "backend/backend.h"
#include "checkpoint/checkpoint.h"

namespace glossa::engine {

// Hands out tensors as f32: straight from the mapped file where they are stored so and aligned, else as a
// widened copy that it owns. Lives as long as the engine; the pointers it gave stay valid.
class WeightStore {
 public:
  explicit WeightStore(std::shared_ptr<const checkpoint::Checkpoint> checkpoint);

  // [shape[0], product of the rest]
  backend::Matrix<const float> matrix(const std::string& name);
  const float* vector(const std::string& name);
  // nullptr / empty when the checkpoint has no such tensor.
  const float* optional_vector(const std::string& name);
  std::span<const float> optional_values(const std::string& name);

  // Takes ownership of values computed from the checkpoint's.
  const float* keep(std::vector<float> values);

 private:
  const float* values(const checkpoint::TensorView& tensor);

  std::shared_ptr<const checkpoint::Checkpoint> checkpoint_;
  std::vector<std::unique_ptr<const std::vector<float>>> owned_;
  std::size_t unreleased_bytes_ = 0;  // of the file, read for widening
};

struct Linear {
  std::unique_ptr<const backend::PackedWeight> weight;
  const float* bias = nullptr;
};

struct LayerNorm {
  const float* weight = nullptr;
  const float* bias = nullptr;
};

// `name`.weight and, where present, `name`.bias.
Linear bind_linear(WeightStore& store, const backend::Backend& backend, const std::string& name);
LayerNorm bind_layer_norm(WeightStore& store, const std::string& name);

// [rows, cols] -> [cols, rows]: convolution taps are stored channel by channel and used tap by tap.
const float* bind_transposed(WeightStore& store, const std::string& name);

}  // namespace glossa::engine
