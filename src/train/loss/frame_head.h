// An auxiliary classifier of encoder frames, for training from scratch on sound whose phonemes have known
// times, as synthesised speech has: it tells the encoder what is heard when, long before the transducer can.
// Like the CTC head it helps in training only and is in no .nemo.
#pragma once

#include <string_view>
#include <vector>

#include "train/torch.h"

namespace glossa::train {

// Classes of data::Cut::frame_labels, one printable ASCII character each; -1 for a space and everything else.
constexpr std::int64_t kFrameClasses = 94;
// At another `speed` there are fewer or more of them.
std::vector<std::int64_t> frame_classes(std::string_view labels, double speed = 1);

class FrameHeadImpl : public torch::nn::Module {
 public:
  // Parameters "weight" [2 * kFrameClasses, d_model] and "bias", drawn by torch's generator.
  explicit FrameHeadImpl(std::int64_t d_model);

  // frames [B, T, d_model], labels int64 [B, F] of pieces of half an encoder frame, -1 where unknown -> [B]:
  // the sum of an utterance's cross entropies, halved. A frame is asked for the two pieces before its time,
  // which every latency setting has heard.
  torch::Tensor loss(const torch::Tensor& frames, const torch::Tensor& labels) const;

 private:
  torch::Tensor weight_;
  torch::Tensor bias_;
};
TORCH_MODULE(FrameHead);

}  // namespace glossa::train
