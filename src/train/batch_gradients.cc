#include "train/batch_gradients.h"

namespace glossa::train {
namespace {

constexpr std::int64_t kMostBytes = std::int64_t{1} << 30;  // of all shares' own gradients

void accumulate(torch::Tensor& parameter, const torch::Tensor& gradient) {
  if (!gradient.defined()) return;
  if (!parameter.grad().defined()) parameter.mutable_grad() = torch::zeros_like(parameter);
  parameter.mutable_grad().add_(gradient);
}

}  // namespace

int shares_for(std::int64_t parameters, int threads) {
  const std::int64_t bytes = parameters * static_cast<std::int64_t>(sizeof(float)) * threads;
  return bytes <= kMostBytes ? threads : 1;
}

BatchGradients::BatchGradients(std::vector<torch::Tensor> parameters, int shares)
    : parameters_(std::move(parameters)), pool_(shares) {
  if (shares > 1) at::set_num_threads(1);
}

double BatchGradients::add(const TrainBatch& batch, double weight, const Loss& loss) {
  if (pool_.threads() == 1 || batch.size() < 2) {
    const torch::Tensor mean = loss(batch, 0);
    (weight * mean).backward();
    return mean.item<double>();
  }
  const std::vector<TrainBatch> shares = split(batch, pool_.threads());
  std::vector<torch::autograd::variable_list> gradients(shares.size());
  std::vector<double> losses(shares.size());
  pool_.parallel_for(static_cast<std::int64_t>(shares.size()), 1, [&](std::int64_t begin, std::int64_t end) {
    at::init_num_threads();
    for (auto index = static_cast<std::size_t>(begin); index < static_cast<std::size_t>(end); ++index) {
      const double part = static_cast<double>(shares[index].size()) / static_cast<double>(batch.size());
      const torch::Tensor mean = loss(shares[index], static_cast<int>(index));
      gradients[index] = torch::autograd::grad({weight * part * mean}, parameters_, /*grad_outputs=*/{},
                                               /*retain_graph=*/false, /*create_graph=*/false,
                                               /*allow_unused=*/true);
      losses[index] = part * mean.item<double>();
    }
  });
  const torch::NoGradGuard no_grad;
  double sum = 0;
  for (std::size_t index = 0; index < shares.size(); ++index) {
    for (std::size_t at = 0; at < parameters_.size(); ++at) accumulate(parameters_[at], gradients[index][at]);
    sum += losses[index];
  }
  return sum;
}

}  // namespace glossa::train
