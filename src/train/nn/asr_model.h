// The recogniser as a libtorch module: the stages of engine/ under the same names, differentiable. Its
// named_parameters() are the tensors of model::tensor_specs() that are trained (all but preprocessor.*) and
// the low-rank factors, in any order. Source of the formulas: NeMo's ConformerEncoder (dw_striding causal,
// rel_pos, chunked_limited), RNNTDecoder, RNNTJoint and prompt kernel; see docs/training.md.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "glossa/types.hpp"
#include "model/model_config.h"
#include "train/nn/low_rank.h"
#include "train/torch.h"

namespace glossa::train {

// NeMo's names and meaning; all 0 in evaluation.
struct DropoutConfig {
  double dropout = 0.1;              // encoder.dropout: feed-forward and convolution
  double dropout_pre_encoder = 0.1;  // encoder.dropout_pre_encoder: positions and input
  double dropout_emb = 0.0;          // encoder.dropout_emb
  double dropout_att = 0.1;          // encoder.dropout_att
  double prednet_dropout = 0.2;      // decoder.prednet.dropout
  double jointnet_dropout = 0.2;     // joint.jointnet.dropout
};

struct EncoderOutput {
  torch::Tensor frames;   // [B, T, d_model]; rows beyond a length are undefined
  torch::Tensor lengths;  // int64 [B]
};

class AsrModelImpl : public torch::nn::Module {
 public:
  AsrModelImpl(const model::ModelConfig& config, const DropoutConfig& dropout,
               const LowRankConfig& low_rank = {});
  ~AsrModelImpl() override;

  const model::ModelConfig& config() const { return config_; }
  // By the name of the matrix.
  const std::map<std::string, LowRank>& low_rank() const;

  // mels [B, mels, frames], mel_lengths int64 [B] -> frames under the chunked_limited mask of `context`.
  EncoderOutput encoder(const torch::Tensor& mels, const torch::Tensor& mel_lengths, AttContext context);

  // frames [B, T, d], slots int64 [B] -> [B, T, d]. The identity for a model without prompt.
  torch::Tensor prompt_fusion(const torch::Tensor& frames, const torch::Tensor& slots);

  // targets int64 [B, U] -> [B, U + 1, hidden]: row u is the state after u labels, row 0 after the start.
  torch::Tensor predictor(const torch::Tensor& targets);

  // The two halves of the joint: [B, T, joint hidden] and [B, U + 1, joint hidden]; the output layer's weight
  // [vocabulary + 1, hidden] and bias.
  torch::Tensor joint_encoder(const torch::Tensor& frames);
  torch::Tensor joint_predictor(const torch::Tensor& states);
  torch::Tensor joint_weight() const;
  torch::Tensor joint_bias() const;
  double jointnet_dropout() const { return is_training() ? dropout_.jointnet_dropout : 0; }

 private:
  model::ModelConfig config_;
  DropoutConfig dropout_;
  struct Stages;
  std::unique_ptr<Stages> stages_;
};
TORCH_MODULE(AsrModel);

}  // namespace glossa::train
