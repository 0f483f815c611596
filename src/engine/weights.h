// The checkpoint's tensors bound once, by name, to the members that use them.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "backend/backend.h"
#include "checkpoint/checkpoint.h"
#include "engine/packed_weights.h"

namespace glossa::engine {

struct LayerNorm {
  const float* weight = nullptr;
  const float* bias = nullptr;
};

struct Linear {
  std::unique_ptr<const backend::PackedWeight> weight;
  const float* bias = nullptr;
};

// How coarse a matrix may become. docs/quantisation.md has the measurements behind each use.
enum class Precision {
  kAsChosen,
  kAtLeast8Bits,
  kAtLeast16Bits,
  kF32,
};

WeightFormat format_of(Precision precision, WeightFormat chosen);

// Hands out tensors: as f32, straight from the mapped file where they are stored so and aligned, else as a
// widened copy that it owns; and as packed weights, from the file of packed weights where there is one, else
// packed now. What it reads it checks: Error kBadInput for bytes that are not those of the file's checksum,
// and for values that are no finite numbers. Only large matrices that are used in place, or come from the
// file of packed weights, are not read here. Lives as long as the engine; the pointers it gave stay valid.
class WeightStore {
 public:
  // `cache` may be null: weights are packed now and kept in memory. `on_packing` may be empty.
  WeightStore(std::shared_ptr<const checkpoint::Checkpoint> checkpoint, const backend::Backend& backend,
              WeightFormat format = WeightFormat::kF32, std::unique_ptr<PackedWeights> cache = nullptr,
              std::function<void(double)> on_packing = {});
  ~WeightStore();

  // [shape[0], product of the rest], valid as long as the store.
  backend::Matrix<const float> matrix(const std::string& name);
  const float* vector(const std::string& name);
  // nullptr / empty when the checkpoint has no such tensor.
  const float* optional_vector(const std::string& name);
  std::span<const float> optional_values(const std::string& name);

  // For a look at a matrix that need not stay.
  struct Values {
    backend::Matrix<const float> matrix;
    std::vector<float> owned;  // what `matrix` points into, unless that is the file
  };
  Values values(const std::string& name) const;

  // `name`.weight and, where present, `name`.bias. `input`: the norm whose output the layer reads, or null.
  Linear linear(const std::string& name, Precision precision, const LayerNorm* input);
  // One matrix; of its columns the first `columns` when that is not 0.
  std::unique_ptr<const backend::PackedWeight> packed(const std::string& name, Precision precision,
                                                      const LayerNorm* input = nullptr,
                                                      std::int64_t columns = 0);

  // Takes ownership of values computed from the checkpoint's.
  const float* keep(std::vector<float> values);

  // The matrices that packed() and linear() gave, in order.
  struct Bound {
    std::string name;
    double bytes = 0;  // in memory
    double elements = 0;
  };
  std::span<const Bound> bound() const { return bound_; }

  // The weight will hardly be used again: its pages of the packed file are given back until it is.
  void release(const backend::PackedWeight& weight) const;

  // Everything is bound: the packed weights are written, and memory that only caches the checkpoint is given
  // back.
  void finish();

 private:
  std::unique_ptr<const backend::PackedWeight> pack(const std::string& name, Precision precision,
                                                    const LayerNorm* input, std::int64_t columns);
  const float* lasting(const checkpoint::TensorView& tensor);
  // As lasting(), but a large tensor that is used in place is not even read here.
  const float* unread(const checkpoint::TensorView& tensor);
  // The values, after Error kBadInput when the file is damaged there or one is infinite or NaN.
  const float* checked(const checkpoint::TensorView& tensor, const float* values) const;
  void count_read(std::size_t bytes) const;

  std::shared_ptr<const checkpoint::Checkpoint> checkpoint_;
  const backend::Backend& backend_;
  WeightFormat format_;
  std::unique_ptr<PackedWeights> cache_;
  std::vector<std::unique_ptr<const std::vector<float>>> owned_;
  std::vector<Bound> bound_;
  std::function<void(double)> on_packing_;
  double bytes_to_read_ = 0;  // of the checkpoint
  mutable double bytes_read_ = 0;
  mutable std::size_t unreleased_bytes_ = 0;  // of the file, read to be copied
};

LayerNorm bind_layer_norm(WeightStore& store, const std::string& name);

// [rows, cols] -> [cols, rows]: convolution taps are stored channel by channel and used tap by tap.
const float* bind_transposed(WeightStore& store, const std::string& name);

}  // namespace glossa::engine
