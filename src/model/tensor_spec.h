// Every tensor of a checkpoint by name and shape, computed from its geometry: the one list behind the reader,
// the engine's binding, the trainer's modules, every writer and the tests' tiny models.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "model/model_config.h"

namespace glossa::model {

struct TensorSpec {
  std::string name;  // as in NeMo's state dict
  std::vector<std::int64_t>
      shape;                 // PyTorch order, row-major: Linear [out, in], Conv1d [out, in / groups, k]
  bool optional = false;     // may be absent: preprocessor.featurizer.*, which glossa can compute
  bool quantizable = false;  // matrix of a linear layer: may be stored below 16 bits

  std::int64_t elements() const;
};

// In NeMo's state-dict order. `config` must have passed validate().
std::vector<TensorSpec> tensor_specs(const ModelConfig& config);

// Frames or frequency bins behind stride-2 layers of the subsampling: n -> n / 2 + 1 each, by NeMo's causal
// padding of 2 on the left and 1 on the right.
int subsampled_length(int length, int stride_2_layers);
int stride_2_layers(const EncoderConfig& encoder);

// True for state-dict entries that belong to training or are computed: loss., wer., spec_augmentation., ...
bool is_ignored_tensor(const std::string& name);

}  // namespace glossa::model
