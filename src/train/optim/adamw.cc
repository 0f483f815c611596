#include "train/optim/adamw.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <utility>

#include "base/fail.h"
#include "train/optim/adamw_update.h"

namespace glossa::train {
namespace {

constexpr std::int64_t kChunk = 1 << 16;  // elements handed to a thread at once

// A piece of one tensor.
struct Chunk {
  std::size_t tensor;
  std::int64_t begin;
  std::int64_t count;
};

void add_chunks(std::vector<Chunk>& chunks, std::size_t tensor, std::int64_t count) {
  for (std::int64_t begin = 0; begin < count; begin += kChunk) {
    chunks.push_back({tensor, begin, std::min(kChunk, count - begin)});
  }
}

template <class Body>
void for_each_chunk(const std::vector<Chunk>& chunks, const Body& body) {
  at::parallel_for(0, static_cast<std::int64_t>(chunks.size()), 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t at = begin; at < end; ++at) body(chunks[static_cast<std::size_t>(at)], at);
  });
}

// The gradient as f32 and contiguous, undefined when there is none.
torch::Tensor gradient_of(const torch::Tensor& parameter) {
  const torch::Tensor& grad = parameter.grad();
  if (!grad.defined()) return grad;
  return grad.to(torch::kFloat32).contiguous();
}

// Tensors that are moved by the same factors.
struct SameStep {
  AdamWFactors factors;
  std::vector<torch::Tensor> parameters;
  std::vector<torch::Tensor> grads;
  std::vector<torch::Tensor> exp_avgs;
  std::vector<torch::Tensor> exp_avg_sqs;
};

// PyTorch's AdamW with its operators on lists, for tensors that are not on the CPU: a dozen launches, not ten
// for each tensor.
void step_with_operators(const SameStep& same) {
  const AdamWFactors& factors = same.factors;
  const std::vector<torch::Tensor> grads =
      factors.grad_scale == 1 ? same.grads : at::_foreach_mul(same.grads, factors.grad_scale);
  at::_foreach_mul_(same.parameters, factors.keep);
  at::_foreach_mul_(same.exp_avgs, factors.beta1);
  at::_foreach_add_(same.exp_avgs, grads, factors.one_minus_beta1);
  at::_foreach_mul_(same.exp_avg_sqs, factors.beta2);
  at::_foreach_addcmul_(same.exp_avg_sqs, grads, grads, factors.one_minus_beta2);
  const std::vector<torch::Tensor> denominators = at::_foreach_sqrt(same.exp_avg_sqs);
  at::_foreach_div_(denominators, factors.root_bias2);
  at::_foreach_add_(denominators, factors.eps);
  at::_foreach_addcdiv_(same.parameters, same.exp_avgs, denominators, -factors.step_size);
}

// Squared norms of the gradients that are not on the CPU, brought here at once.
void squares_elsewhere(const std::vector<torch::Tensor>& grads, const std::vector<std::size_t>& which,
                       std::vector<double>& squares) {
  if (which.empty()) return;
  std::vector<torch::Tensor> chosen;
  for (const std::size_t at : which) chosen.push_back(grads[at]);
  const torch::Tensor norms = torch::stack(at::_foreach_norm(chosen, 2)).to(torch::kCPU, torch::kFloat64);
  for (std::size_t index = 0; index < which.size(); ++index)
    squares[which[index]] = std::pow(norms[static_cast<std::int64_t>(index)].item<double>(), 2);
}

void expect_fraction(const char* name, double value) {
  if (!(value >= 0 && value < 1))
    fail_invalid_argument("AdamW: {} is {} (expected 0 to below 1)", name, value);
}

void expect_not_negative(const char* name, double value) {
  if (!(value >= 0) || !std::isfinite(value)) {
    fail_invalid_argument("AdamW: {} is {} (expected 0 or more)", name, value);
  }
}

}  // namespace

GradientReport inspect_gradients(const std::vector<TrainedParameter>& parameters) {
  const torch::NoGradGuard no_grad;
  std::vector<torch::Tensor> grads(parameters.size());
  std::vector<double> squares(parameters.size(), 0.0);
  std::vector<Chunk> chunks;
  std::vector<std::size_t> elsewhere;
  for (std::size_t at = 0; at < parameters.size(); ++at) {
    grads[at] = gradient_of(parameters[at].tensor);
    if (!grads[at].defined()) continue;
    if (grads[at].is_cpu())
      add_chunks(chunks, at, grads[at].numel());
    else
      elsewhere.push_back(at);
  }
  squares_elsewhere(grads, elsewhere, squares);
  std::vector<double> sums(chunks.size());
  for_each_chunk(chunks, [&](const Chunk& chunk, std::int64_t at) {
    sums[static_cast<std::size_t>(at)] =
        sum_of_squares(chunk.count, grads[chunk.tensor].data_ptr<float>() + chunk.begin);
  });
  for (std::size_t at = 0; at < chunks.size(); ++at) squares[chunks[at].tensor] += sums[at];
  GradientReport report;
  double total = 0;
  for (std::size_t at = 0; at < parameters.size(); ++at) {
    total += squares[at];
    if (report.first_not_finite.empty() && !std::isfinite(squares[at])) {
      report.first_not_finite = parameters[at].name;
    }
  }
  report.norm = std::sqrt(total);
  return report;
}

double clip_factor(double norm, double max_norm) {
  if (!(max_norm > 0)) return 1;
  return std::min(1.0, max_norm / (norm + 1e-6));
}

AdamW::AdamW(std::vector<TrainedParameter> parameters, const AdamWConfig& config)
    : parameters_(std::move(parameters)), moments_(parameters_.size()), config_(config) {
  expect_fraction("betas[0]", config.beta1);
  expect_fraction("betas[1]", config.beta2);
  expect_not_negative("eps", config.eps);
  expect_not_negative("weight_decay", config.weight_decay);
  std::set<std::string> names;
  for (const auto& parameter : parameters_) {
    if (!names.insert(parameter.name).second) {
      fail_invalid_argument("AdamW: parameter '{}' is given twice", parameter.name);
    }
    if (parameter.tensor.scalar_type() != torch::kFloat32 || !parameter.tensor.is_contiguous()) {
      fail_invalid_argument("AdamW: parameter '{}' must be f32 and contiguous", parameter.name);
    }
  }
}

void AdamW::step(double lr, double grad_scale) {
  const torch::NoGradGuard no_grad;
  std::vector<torch::Tensor> grads(parameters_.size());
  std::vector<AdamWFactors> factors(parameters_.size());
  std::vector<Chunk> chunks;
  std::map<std::pair<double, std::int64_t>, SameStep> lists;
  for (std::size_t at = 0; at < parameters_.size(); ++at) {
    const torch::Tensor& tensor = parameters_[at].tensor;
    grads[at] = gradient_of(tensor);
    if (!grads[at].defined()) continue;
    Moments& moments = moments_[at];
    if (!moments.exp_avg.defined()) {
      moments.exp_avg = torch::zeros_like(tensor);
      moments.exp_avg_sq = torch::zeros_like(tensor);
    }
    ++moments.step;
    factors[at] = adamw_factors(lr * parameters_[at].lr_scale, config_.beta1, config_.beta2, config_.eps,
                                config_.weight_decay, moments.step, grad_scale);
    if (tensor.is_cpu() && config_.fused) {
      add_chunks(chunks, at, tensor.numel());
      continue;
    }
    SameStep& same = lists[{parameters_[at].lr_scale, moments.step}];
    same.factors = factors[at];
    same.parameters.push_back(tensor);
    same.grads.push_back(grads[at]);
    same.exp_avgs.push_back(moments.exp_avg);
    same.exp_avg_sqs.push_back(moments.exp_avg_sq);
  }
  for (const auto& [key, same] : lists) step_with_operators(same);
  for_each_chunk(chunks, [&](const Chunk& chunk, std::int64_t) {
    const Moments& moments = moments_[chunk.tensor];
    adamw_update(factors[chunk.tensor], chunk.count, grads[chunk.tensor].data_ptr<float>() + chunk.begin,
                 parameters_[chunk.tensor].tensor.data_ptr<float>() + chunk.begin,
                 moments.exp_avg.data_ptr<float>() + chunk.begin,
                 moments.exp_avg_sq.data_ptr<float>() + chunk.begin);
  });
}

void AdamW::zero_grad() {
  const torch::NoGradGuard no_grad;
  for (auto& parameter : parameters_) {
    torch::Tensor& grad = parameter.tensor.mutable_grad();
    if (!grad.defined()) continue;
    if (grad.is_cpu())
      grad.detach_().zero_();
    else
      grad.reset();  // a GPU's memory goes back to libtorch's pool, and zeroing each tensor costs a launch
  }
}

std::map<std::string, torch::Tensor> AdamW::state() const {
  const torch::NoGradGuard no_grad;
  std::map<std::string, torch::Tensor> result;
  for (std::size_t at = 0; at < parameters_.size(); ++at) {
    if (!moments_[at].exp_avg.defined()) continue;
    const std::string& name = parameters_[at].name;
    result[name + ".exp_avg"] = moments_[at].exp_avg.to(torch::kCPU);
    result[name + ".exp_avg_sq"] = moments_[at].exp_avg_sq.to(torch::kCPU);
    result[name + ".step"] = torch::full({1}, static_cast<double>(moments_[at].step), torch::kFloat32);
  }
  return result;
}

void AdamW::load_state(std::map<std::string, torch::Tensor> state) {
  const torch::NoGradGuard no_grad;
  std::vector<Moments> loaded(parameters_.size());
  for (std::size_t at = 0; at < parameters_.size(); ++at) {
    const auto& [name, tensor, scale] = parameters_[at];
    // Each leaves the state here, so that there are never two of all moments.
    const auto exp_avg = state.extract(name + ".exp_avg");
    const auto exp_avg_sq = state.extract(name + ".exp_avg_sq");
    const auto step = state.extract(name + ".step");
    if (!exp_avg && !exp_avg_sq && !step) continue;
    if (!exp_avg || !exp_avg_sq || !step) {
      fail_bad_input("optimizer state of '{}' is incomplete (expected exp_avg, exp_avg_sq and step)", name);
    }
    if (exp_avg.mapped().sizes() != tensor.sizes() || exp_avg_sq.mapped().sizes() != tensor.sizes() ||
        step.mapped().numel() != 1) {
      fail_bad_input("optimizer state of '{}' has {} values (expected {})", name, exp_avg.mapped().numel(),
                     tensor.numel());
    }
    const auto copy = [&, device = tensor.device()](const torch::Tensor& from) {
      return from.to(device, torch::kFloat32, /*non_blocking=*/false, /*copy=*/true).contiguous();
    };
    loaded[at] = {copy(exp_avg.mapped()), copy(exp_avg_sq.mapped()),
                  static_cast<std::int64_t>(step.mapped().item<double>())};
  }
  if (!state.empty())
    fail_bad_input("optimizer state has '{}', which is not trained here", state.begin()->first);
  moments_ = std::move(loaded);
}

}  // namespace glossa::train
