#include "engine/weights.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <utility>

#include "base/fail.h"

namespace glossa::engine {
namespace {

backend::Matrix<const float> as_matrix(const checkpoint::TensorView& tensor, const float* values) {
  const std::int64_t rows = tensor.shape.front();
  const std::int64_t cols = tensor.elements() / rows;
  return {values, rows, cols, cols};
}

// The tensor's values where they lie, or null when they are not aligned f32.
const float* in_place(const checkpoint::TensorView& tensor) {
  const bool aligned = reinterpret_cast<std::uintptr_t>(tensor.bytes.data()) % alignof(float) == 0;
  return tensor.dtype == checkpoint::DType::kF32 && aligned
             ? reinterpret_cast<const float*>(tensor.bytes.data())
             : nullptr;
}

// Neither infinite nor NaN: their exponents are all ones. In runs, so that the compiler may use vectors.
bool all_finite(std::span<const float> values) {
  constexpr std::size_t kRun = 4096;
  while (!values.empty()) {
    const auto run = values.first(std::min(values.size(), kRun));
    std::uint32_t carries = 0;
    for (const float value : run) {
      constexpr std::uint32_t kSign = 0x8000'0000;
      constexpr std::uint32_t kOneInExponent = 0x0080'0000;
      carries |= (std::bit_cast<std::uint32_t>(value) & ~kSign) + kOneInExponent;
    }
    if (carries >> 31 != 0) return false;
    values = values.subspan(run.size());
  }
  return true;
}

// Without pages of their own beside packed weights: they are copied.
bool is_small(const checkpoint::TensorView& tensor) { return tensor.elements() <= 1 << 16; }

}  // namespace

WeightFormat format_of(Precision precision, WeightFormat chosen) {
  if (precision == Precision::kF32) return WeightFormat::kF32;
  if (precision == Precision::kAtLeast8Bits && chosen == WeightFormat::kInt4) return WeightFormat::kInt8;
  if (precision == Precision::kAtLeast16Bits && chosen != WeightFormat::kF32) return WeightFormat::kBF16;
  return chosen;
}

WeightStore::WeightStore(std::shared_ptr<const checkpoint::Checkpoint> checkpoint,
                         const backend::Backend& backend, WeightFormat format,
                         std::unique_ptr<PackedWeights> cache, std::function<void(double)> on_packing)
    : checkpoint_(std::move(checkpoint)),
      backend_(backend),
      format_(format),
      cache_(std::move(cache)),
      on_packing_(std::move(on_packing)) {
  for (const checkpoint::TensorView& tensor : checkpoint_->tensors()) {
    bytes_to_read_ += static_cast<double>(tensor.bytes.size());
  }
}

WeightStore::~WeightStore() = default;

backend::Matrix<const float> WeightStore::matrix(const std::string& name) {
  const checkpoint::TensorView& tensor = checkpoint_->tensor(name);
  return as_matrix(tensor, lasting(tensor));
}

const float* WeightStore::vector(const std::string& name) { return lasting(checkpoint_->tensor(name)); }

const float* WeightStore::optional_vector(const std::string& name) {
  const checkpoint::TensorView* tensor = checkpoint_->find(name);
  return tensor != nullptr ? lasting(*tensor) : nullptr;
}

std::span<const float> WeightStore::optional_values(const std::string& name) {
  const checkpoint::TensorView* tensor = checkpoint_->find(name);
  if (tensor == nullptr) return {};
  return {lasting(*tensor), static_cast<std::size_t>(tensor->elements())};
}

WeightStore::Values WeightStore::values(const std::string& name) const {
  const checkpoint::TensorView& tensor = checkpoint_->tensor(name);
  count_read(tensor.bytes.size());
  if (const float* values = in_place(tensor)) return {as_matrix(tensor, checked(tensor, values)), {}};
  Values copy;
  copy.owned = tensor.to_f32();
  copy.matrix = as_matrix(tensor, checked(tensor, copy.owned.data()));
  return copy;
}

Linear WeightStore::linear(const std::string& name, Precision precision, const LayerNorm* input) {
  return {packed(name + ".weight", precision, input), optional_vector(name + ".bias")};
}

std::unique_ptr<const backend::PackedWeight> WeightStore::packed(const std::string& name, Precision precision,
                                                                 const LayerNorm* input,
                                                                 std::int64_t columns) {
  auto weight = pack(name, precision, input, columns);
  const auto elements = static_cast<double>(weight->rows() * weight->cols());
  const double bytes = weight->bytes().empty() ? 4 * elements : static_cast<double>(weight->bytes().size());
  bound_.push_back({name, bytes, elements});
  return weight;
}

std::unique_ptr<const backend::PackedWeight> WeightStore::pack(const std::string& name, Precision precision,
                                                               const LayerNorm* input, std::int64_t columns) {
  const WeightFormat format = format_of(precision, format_);
  const checkpoint::TensorView& tensor = checkpoint_->tensor(name);
  const auto part = [columns](backend::Matrix<const float> whole) {
    if (columns > 0) whole.cols = columns;
    return whole;
  };
  if (format == WeightFormat::kF32) return backend_.pack(part(as_matrix(tensor, unread(tensor))), format);
  const backend::Matrix<const float> shape = part(as_matrix(tensor, nullptr));
  if (cache_ != nullptr) {
    if (auto found = cache_->find(name, shape.rows, shape.cols, format)) return found;
  }
  // A normalised input has mean 0 and variance 1 before it is scaled by the norm's weight and moved by its
  // bias.
  std::vector<float> importance;
  if (input != nullptr) {
    for (std::int64_t column = 0; column < shape.cols; ++column) {
      importance.push_back(input->weight[column] * input->weight[column] +
                           input->bias[column] * input->bias[column]);
    }
  }
  const Values source = values(name);
  auto weight = backend_.pack(part(source.matrix), format, input != nullptr ? importance.data() : nullptr);
  if (weight->bytes().empty())
    return backend_.pack(part(matrix(name)), format);  // it uses the values themselves
  if (cache_ != nullptr) cache_->add(name, *weight);
  if (on_packing_) on_packing_(std::min(1.0, bytes_read_ / bytes_to_read_));
  return weight;
}

const float* WeightStore::keep(std::vector<float> values) {
  owned_.push_back(std::make_unique<const std::vector<float>>(std::move(values)));
  return owned_.back()->data();
}

void WeightStore::release(const backend::PackedWeight& weight) const {
  if (cache_ != nullptr) cache_->release(weight.bytes());
}

void WeightStore::finish() {
  if (cache_ != nullptr) cache_->finish();
  if (format_ != WeightFormat::kF32) checkpoint_->release_pages();
}

const float* WeightStore::lasting(const checkpoint::TensorView& tensor) {
  const float* values = in_place(tensor);
  count_read(tensor.bytes.size());
  // Beside packed weights the small tensors are copied: each would keep pages of its own in memory.
  if (values == nullptr || (format_ != WeightFormat::kF32 && is_small(tensor)))
    values = keep(tensor.to_f32());
  return checked(tensor, values);
}

const float* WeightStore::unread(const checkpoint::TensorView& tensor) {
  const float* values = in_place(tensor);
  return values == nullptr || is_small(tensor) ? lasting(tensor) : values;
}

const float* WeightStore::checked(const checkpoint::TensorView& tensor, const float* values) const {
  tensor.check();
  const std::span<const float> all(values, static_cast<std::size_t>(tensor.elements()));
  if (!all_finite(all)) {
    const auto wrong =
        std::find_if(all.begin(), all.end(), [](float value) { return !std::isfinite(value); });
    fail_bad_input("{}: tensor {} has the value {} in row {} (expected numbers)", checkpoint_->source(),
                   tensor.name, *wrong, (wrong - all.begin()) / (tensor.elements() / tensor.shape.front()));
  }
  return values;
}

void WeightStore::count_read(std::size_t bytes) const {
  constexpr std::size_t kReleaseBytes = 64 << 20;
  bytes_read_ += static_cast<double>(bytes);
  unreleased_bytes_ += bytes;
  if (unreleased_bytes_ < kReleaseBytes) return;
  checkpoint_->release_pages();
  unreleased_bytes_ = 0;
}

LayerNorm bind_layer_norm(WeightStore& store, const std::string& name) {
  return {store.vector(name + ".weight"), store.vector(name + ".bias")};
}

const float* bind_transposed(WeightStore& store, const std::string& name) {
  const WeightStore::Values source = store.values(name);
  const backend::Matrix<const float>& matrix = source.matrix;
  std::vector<float> transposed(static_cast<std::size_t>(matrix.rows * matrix.cols));
  for (std::int64_t row = 0; row < matrix.rows; ++row) {
    for (std::int64_t col = 0; col < matrix.cols; ++col) {
      transposed[static_cast<std::size_t>(col * matrix.rows + row)] = matrix.row(row)[col];
    }
  }
  return store.keep(std::move(transposed));
}

}  // namespace glossa::engine
