// LoRA (Hu et al. 2021, arXiv:2106.09685): a matrix W [out, in] that stays as it is and two thin ones that
// learn, y = W x + (alpha / rank) B A x, with A [rank, in] drawn and B [out, rank] zero at first.
#pragma once

#include <set>
#include <string>
#include <string_view>

#include "train/torch.h"

namespace glossa::train {

struct LowRankConfig {
  int rank = 0;
  double alpha = 0;
  std::set<std::string> matrices;  // names of the tensors that get factors; none: no tensor
};

struct LowRank {
  torch::Tensor a;
  torch::Tensor b;
  double scale = 1;  // alpha / rank

  bool is_there() const { return a.defined(); }
  torch::Tensor operator()(const torch::Tensor& x) const;
  torch::Tensor product() const;  // scale B A, [out, in], on the CPU
};

// Of parameters that are factors: those of "x.weight" are "x.lora_a" and "x.lora_b".
inline constexpr std::string_view kFactorA = "lora_a";
inline constexpr std::string_view kFactorB = "lora_b";
bool is_factor(std::string_view name);

}  // namespace glossa::train
