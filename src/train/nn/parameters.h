// The trained tensors of a model: names and shapes from model::tensor_specs(), registered with a module tree
// under exactly those names, and bound to the stages by name. Low-rank factors stand beside their matrices.
#pragma once

#include <map>
#include <string>

#include "model/model_config.h"
#include "train/nn/low_rank.h"
#include "train/torch.h"

namespace glossa::train {

// y = W x + b. Kernel dimensions of size 1 (pointwise convolutions) do not count.
struct Linear {
  torch::Tensor weight;
  torch::Tensor bias;  // undefined: none
  LowRank low_rank = {};

  torch::Tensor operator()(const torch::Tensor& x) const;
};

// In f32, whatever the input.
struct LayerNorm {
  torch::Tensor weight;
  torch::Tensor bias;

  torch::Tensor operator()(const torch::Tensor& x) const;
};

class Parameters {
 public:
  // Registers all but preprocessor.* with `root` and draws them as NeMo does for training from scratch, by
  // torch's generator: norms 1 and 0, position biases 0, the embedding normal with blank's row 0, forget
  // gates open by a bias of 1, all else uniform within 1 / sqrt(inputs). Unlike NeMo's, the first convolution
  // centres the features. Factors are drawn after all else.
  Parameters(torch::nn::Module& root, const model::ModelConfig& config, const LowRankConfig& low_rank = {});

  // The registered tensors themselves: they follow the module to its device.
  torch::Tensor tensor(const std::string& name) const;
  torch::Tensor optional_tensor(const std::string& name) const;  // undefined when the model has none
  Linear linear(const std::string& name) const;
  LayerNorm layer_norm(const std::string& name) const;
  const std::map<std::string, LowRank>& low_rank() const { return low_rank_; }

 private:
  void add_factors(torch::nn::Module& root, const std::string& matrix, const LowRankConfig& config);

  std::map<std::string, torch::Tensor> tensors_;
  std::map<std::string, LowRank> low_rank_;  // by the name of the matrix
};

}  // namespace glossa::train
