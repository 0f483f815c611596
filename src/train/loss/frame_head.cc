#include "train/loss/frame_head.h"

#include <cmath>

namespace glossa::train {
namespace {

constexpr std::int64_t kPieces = 2;  // of an encoder frame

}  // namespace

std::vector<std::int64_t> frame_classes(std::string_view labels, double speed) {
  std::vector<std::int64_t> classes(
      static_cast<std::size_t>(std::llround(static_cast<double>(labels.size()) / speed)));
  for (std::size_t piece = 0; piece < classes.size(); ++piece) {
    const auto at = static_cast<std::size_t>((static_cast<double>(piece) + 0.5) * speed);  // of its middle
    const std::int64_t value = labels[std::min(at, labels.size() - 1)] - '!';
    classes[piece] = value >= 0 && value < kFrameClasses ? value : -1;
  }
  return classes;
}

FrameHeadImpl::FrameHeadImpl(std::int64_t d_model) {
  const double bound = 1 / std::sqrt(static_cast<double>(d_model));
  weight_ =
      register_parameter("weight", torch::empty({kPieces * kFrameClasses, d_model}).uniform_(-bound, bound));
  bias_ = register_parameter("bias", torch::empty({kPieces * kFrameClasses}).uniform_(-bound, bound));
}

torch::Tensor FrameHeadImpl::loss(const torch::Tensor& frames, const torch::Tensor& labels) const {
  const std::int64_t batch = frames.size(0);
  const std::int64_t pieces = kPieces * frames.size(1);
  torch::Tensor wanted = torch::full({batch, pieces}, -1, labels.options());
  const std::int64_t known = std::min(labels.size(1), pieces - kPieces);
  if (known > 0) wanted.narrow(1, kPieces, known).copy_(labels.narrow(1, 0, known));
  const torch::Tensor logits = torch::linear(frames, weight_, bias_).to(torch::kFloat);
  const torch::Tensor log_probs = torch::log_softmax(logits.view({batch * pieces, kFrameClasses}), -1);
  const torch::Tensor losses =
      torch::nll_loss(log_probs, wanted.flatten(), /*weight=*/{}, at::Reduction::None, /*ignore_index=*/-1);
  return losses.view({batch, pieces}).sum(1) / kPieces;
}

}  // namespace glossa::train
