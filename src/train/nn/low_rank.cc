#include "train/nn/low_rank.h"

namespace glossa::train {

torch::Tensor LowRank::operator()(const torch::Tensor& x) const {
  return torch::linear(torch::linear(x, a), b) * scale;
}

// There, since a GPU may round.
torch::Tensor LowRank::product() const { return torch::matmul(b.to(torch::kCPU), a.to(torch::kCPU)) * scale; }

bool is_factor(std::string_view name) {
  const std::string_view last = name.substr(name.rfind('.') + 1);
  return last == kFactorA || last == kFactorB;
}

}  // namespace glossa::train
