// An auxiliary CTC head on the encoder: small transducers trained from scratch stay for thousands of steps
// where the predictor knows the sentences and the encoder does not tell them apart; CTC makes the encoder
// speak first. The head helps in training only and is in no .nemo. Source: NeMo's hybrid transducer-CTC
// models (model.aux_ctc).
#pragma once

#include "train/torch.h"

namespace glossa::train {

class CtcHeadImpl : public torch::nn::Module {
 public:
  // Parameters "weight" [labels + 1, d_model] and "bias", drawn by torch's generator; blank is the last
  // label.
  CtcHeadImpl(std::int64_t d_model, std::int64_t labels);

  // frames [B, T, d_model], targets int64 [B, U], lengths int64 [B] -> negative log likelihoods [B], f32.
  // An utterance with more labels than frames has no alignment: its loss is 0 and moves nothing.
  torch::Tensor loss(const torch::Tensor& frames, const torch::Tensor& frame_lengths,
                     const torch::Tensor& targets, const torch::Tensor& target_lengths) const;

 private:
  torch::Tensor weight_;
  torch::Tensor bias_;
};
TORCH_MODULE(CtcHead);

}  // namespace glossa::train
