#include "train/nn/dropout.h"

#include <algorithm>

#include "train/dropout_mask.h"
#include "train/random.h"

namespace glossa::train {
namespace {

constexpr std::int64_t kRow = 1024;

thread_local CounterRandom draws(0);

torch::Tensor dropped(const torch::Tensor& x, double probability, std::uint64_t seed) {
  const torch::Tensor from = x.contiguous();
  torch::Tensor to = torch::empty_like(from);
  const auto* source = from.data_ptr<float>();
  auto* target = to.data_ptr<float>();
  const std::int64_t count = from.numel();
  at::parallel_for(0, (count + kRow - 1) / kRow, 16, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t row = begin; row < end; ++row) {
      const std::int64_t first = row * kRow;
      drop_row(source + first, std::min(kRow, count - first), dropout_keys(seed, row), probability,
               target + first);
    }
  });
  return to;
}

// The gradient goes where the value went: the mask is drawn again.
class Dropout : public torch::autograd::Function<Dropout> {
 public:
  static torch::Tensor forward(torch::autograd::AutogradContext* context, const torch::Tensor& x,
                               double probability, std::int64_t seed) {
    context->saved_data["probability"] = probability;
    context->saved_data["seed"] = seed;
    return dropped(x, probability, static_cast<std::uint64_t>(seed));
  }
  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 const torch::autograd::variable_list& gradients) {
    return {dropped(gradients[0], context->saved_data["probability"].toDouble(),
                    static_cast<std::uint64_t>(context->saved_data["seed"].toInt())),
            torch::Tensor(), torch::Tensor()};
  }
};

}  // namespace

void seed_dropout(std::uint64_t seed) { draws = CounterRandom(seed); }

torch::Tensor drop(const torch::Tensor& x, double probability) {
  if (probability <= 0) return x;
  const std::uint64_t seed = draws.bits();
  if (!x.is_cpu() || x.scalar_type() != torch::kFloat) return torch::dropout(x, probability, /*train=*/true);
  return Dropout::apply(x, probability, static_cast<std::int64_t>(seed));
}

}  // namespace glossa::train
