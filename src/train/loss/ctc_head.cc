#include "train/loss/ctc_head.h"

#include <cmath>

namespace glossa::train {

CtcHeadImpl::CtcHeadImpl(std::int64_t d_model, std::int64_t labels) {
  const double bound = 1 / std::sqrt(static_cast<double>(d_model));
  weight_ = register_parameter("weight", torch::empty({labels + 1, d_model}).uniform_(-bound, bound));
  bias_ = register_parameter("bias", torch::empty({labels + 1}).uniform_(-bound, bound));
}

torch::Tensor CtcHeadImpl::loss(const torch::Tensor& frames, const torch::Tensor& frame_lengths,
                                const torch::Tensor& targets, const torch::Tensor& target_lengths) const {
  const torch::Tensor logits = torch::linear(frames, weight_, bias_).to(torch::kFloat);
  const torch::Tensor log_probs = torch::log_softmax(logits, -1).transpose(0, 1);  // [T, B, labels + 1]
  return torch::ctc_loss(log_probs, targets, frame_lengths, target_lengths, /*blank=*/weight_.size(0) - 1,
                         /*reduction=*/torch::Reduction::None, /*zero_infinity=*/true);
}

}  // namespace glossa::train
