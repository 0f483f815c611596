#include "engine/weights.h"

#include <cstdint>
#include <utility>

namespace glossa::engine {

WeightStore::WeightStore(std::shared_ptr<const checkpoint::Checkpoint> checkpoint)
    : checkpoint_(std::move(checkpoint)) {}

backend::Matrix<const float> WeightStore::matrix(const std::string& name) {
  const checkpoint::TensorView& tensor = checkpoint_->tensor(name);
  const std::int64_t rows = tensor.shape.front();
  const std::int64_t cols = tensor.elements() / rows;
  return {values(tensor), rows, cols, cols};
}

const float* WeightStore::vector(const std::string& name) { return values(checkpoint_->tensor(name)); }

const float* WeightStore::optional_vector(const std::string& name) {
  const checkpoint::TensorView* tensor = checkpoint_->find(name);
  return tensor != nullptr ? values(*tensor) : nullptr;
}

std::span<const float> WeightStore::optional_values(const std::string& name) {
  const checkpoint::TensorView* tensor = checkpoint_->find(name);
  if (tensor == nullptr) return {};
  return {values(*tensor), static_cast<std::size_t>(tensor->elements())};
}

const float* WeightStore::keep(std::vector<float> values) {
  owned_.push_back(std::make_unique<const std::vector<float>>(std::move(values)));
  return owned_.back()->data();
}

const float* WeightStore::values(const checkpoint::TensorView& tensor) {
  const bool aligned = reinterpret_cast<std::uintptr_t>(tensor.bytes.data()) % alignof(float) == 0;
  if (tensor.dtype == checkpoint::DType::kF32 && aligned)
    return reinterpret_cast<const float*>(tensor.bytes.data());
  const float* widened = keep(tensor.to_f32());
  // A widened tensor's file need not stay in memory beside it.
  constexpr std::size_t kReleaseBytes = 64 << 20;
  unreleased_bytes_ += tensor.bytes.size();
  if (unreleased_bytes_ >= kReleaseBytes) {
    checkpoint_->release_pages();
    unreleased_bytes_ = 0;
  }
  return widened;
}

Linear bind_linear(WeightStore& store, const backend::Backend& backend, const std::string& name) {
  return {backend.pack(store.matrix(name + ".weight")), store.optional_vector(name + ".bias")};
}

LayerNorm bind_layer_norm(WeightStore& store, const std::string& name) {
  return {store.vector(name + ".weight"), store.vector(name + ".bias")};
}

const float* bind_transposed(WeightStore& store, const std::string& name) {
  const backend::Matrix<const float> matrix = store.matrix(name);
  std::vector<float> transposed(static_cast<std::size_t>(matrix.rows * matrix.cols));
  for (std::int64_t row = 0; row < matrix.rows; ++row) {
    for (std::int64_t col = 0; col < matrix.cols; ++col) {
      transposed[static_cast<std::size_t>(col * matrix.rows + row)] = matrix.row(row)[col];
    }
  }
  return store.keep(std::move(transposed));
}

}  // namespace glossa::engine
