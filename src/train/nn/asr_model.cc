#include "train/nn/asr_model.h"

#include <fmt/format.h>

#include <cmath>
#include <vector>

#include "base/fail.h"
#include "model/tensor_spec.h"
#include "train/nn/conformer_layer.h"
#include "train/nn/dropout.h"
#include "train/nn/parameters.h"
#include "train/nn/subsampling.h"

namespace glossa::train {
namespace {

// While it lives, libtorch does not warn: cuDNN would like an LSTM's weights in one piece, and says so at
// every call. Debian's 1.13 has no cuDNN.
class NoWarnings {
 public:
  NoWarnings() {}
#if GLOSSA_TORCH_2
 private:
  class Silence : public c10::WarningHandler {
   public:
    void process(const c10::Warning&) override {}
  };
  Silence silence_;
  c10::WarningUtils::WarningHandlerGuard guard_{&silence_};
#endif
};

}  // namespace

struct AsrModelImpl::Stages {
  Stages(torch::nn::Module& root, const model::ModelConfig& config, const LowRankConfig& low_rank)
      : parameters(root, config, low_rank),
        subsampling(config, parameters),
        embed(parameters.tensor("decoder.prediction.embed.weight")),
        joint_enc(parameters.linear("joint.enc")),
        joint_pred(parameters.linear("joint.pred")),
        joint_out(parameters.linear("joint.joint_net.2")) {
    for (int layer = 0; layer < config.encoder.layers; ++layer)
      layers.emplace_back(config.encoder, parameters, layer);
    const std::string prefix = "decoder.prediction.dec_rnn.lstm.";
    for (int layer = 0; layer < config.predictor.layers; ++layer) {
      std::vector<torch::Tensor>& weights = lstm.emplace_back();
      for (const char* name : {"weight_ih", "weight_hh", "bias_ih", "bias_hh"})
        weights.push_back(parameters.tensor(fmt::format("{}{}_l{}", prefix, name, layer)));
    }
    if (!config.has_prompt()) return;
    prompt_hidden = parameters.linear("prompt_kernel.0");
    prompt_out = parameters.linear("prompt_kernel.2");
  }

  Parameters parameters;
  Subsampling subsampling;
  std::vector<ConformerLayer> layers;
  Linear prompt_hidden;
  Linear prompt_out;
  torch::Tensor embed;
  std::vector<std::vector<torch::Tensor>> lstm;  // of each layer, in the order that torch::lstm takes them
  Linear joint_enc;
  Linear joint_pred;
  Linear joint_out;
};

AsrModelImpl::AsrModelImpl(const model::ModelConfig& config, const DropoutConfig& dropout,
                           const LowRankConfig& low_rank)
    : config_(config), dropout_(dropout), stages_(std::make_unique<Stages>(*this, config, low_rank)) {}

AsrModelImpl::~AsrModelImpl() = default;

const std::map<std::string, LowRank>& AsrModelImpl::low_rank() const {
  return stages_->parameters.low_rank();
}

EncoderOutput AsrModelImpl::encoder(const torch::Tensor& mels, const torch::Tensor& mel_lengths,
                                    AttContext context) {
  if (!model::is_usable(context)) {
    fail_invalid_argument(
        "attention context [{}, {}] cannot be trained (expected left a multiple of right + 1)", context.left,
        context.right);
  }
  if (mels.dim() != 3 || mels.size(1) != config_.features.mels || mels.size(2) == 0 ||
      mel_lengths.sizes() != torch::IntArrayRef{mels.size(0)}) {
    fail_invalid_argument("mels {} with lengths {} (expected [batch, {}, frames] and [batch])",
                          fmt::join(mels.sizes(), " x "), fmt::join(mel_lengths.sizes(), " x "),
                          config_.features.mels);
  }
  const DropoutConfig dropout = is_training() ? dropout_ : DropoutConfig{0, 0, 0, 0, 0, 0};
  const torch::Tensor valid_mels = mel_lengths.to(torch::kCPU);
  const torch::Tensor lengths = stages_->subsampling.subsampled(valid_mels);
  // The stream that the layers add to stays in f32 under autocast.
  torch::Tensor frames = stages_->subsampling.forward(mels, valid_mels).to(torch::kFloat);
  if (config_.encoder.scale_input) frames = frames * std::sqrt(static_cast<double>(config_.encoder.d_model));
  frames = drop(frames, dropout.dropout_pre_encoder);
  AttentionPlan plan =
      plan_attention(context, frames.size(1), lengths, config_.encoder.d_model, frames.device());
  plan.positions = drop(plan.positions, dropout.dropout_emb);
  for (const ConformerLayer& layer : stages_->layers) frames = layer.forward(frames, plan, dropout);
  return {frames, lengths.to(mel_lengths.device())};
}

// The one-hot prompt picks a column of the first matrix, so it is never made.
torch::Tensor AsrModelImpl::prompt_fusion(const torch::Tensor& frames, const torch::Tensor& slots) {
  if (!config_.has_prompt()) return frames;
  const std::int64_t d_model = config_.encoder.d_model;
  const torch::Tensor& weight = stages_->prompt_hidden.weight;
  const torch::Tensor columns =
      weight.narrow(1, d_model, config_.prompt.num_prompts).index_select(1, slots.to(weight.device())).t();
  const torch::Tensor bias = (columns + stages_->prompt_hidden.bias).unsqueeze(1);  // [B, 1, hidden]
  return stages_->prompt_out(torch::relu(torch::linear(frames, weight.narrow(1, 0, d_model)) + bias));
}

// The start and blank are a zero embedding.
torch::Tensor AsrModelImpl::predictor(const torch::Tensor& targets) {
  const torch::Tensor embedded =
      torch::embedding(stages_->embed, targets, /*padding_idx=*/config_.predictor.blank_id());
  const std::int64_t batch = targets.size(0);
  const torch::Tensor start = torch::zeros({batch, 1, config_.predictor.hidden}, embedded.options());
  const torch::Tensor state = torch::zeros({1, batch, config_.predictor.hidden}, embedded.options());
  const double dropout = is_training() ? dropout_.prednet_dropout : 0;
  torch::Tensor states = torch::cat({start, embedded}, 1);
  const NoWarnings no_warnings;
  // In training mode always: without, cuDNN has no backward pass, and with no dropout nothing else differs.
  for (const std::vector<torch::Tensor>& weights : stages_->lstm) {
    states = std::get<0>(torch::lstm(states, {state, state}, weights, /*has_biases=*/true, /*num_layers=*/1,
                                     /*dropout=*/0.0, /*train=*/true, /*bidirectional=*/false,
                                     /*batch_first=*/true));
    states = drop(states, dropout);  // between layers as torch::lstm does, and behind the last as NeMo does
  }
  return states;
}

torch::Tensor AsrModelImpl::joint_encoder(const torch::Tensor& frames) { return stages_->joint_enc(frames); }

torch::Tensor AsrModelImpl::joint_predictor(const torch::Tensor& states) {
  return stages_->joint_pred(states);
}

torch::Tensor AsrModelImpl::joint_weight() const { return stages_->joint_out.weight; }

torch::Tensor AsrModelImpl::joint_bias() const { return stages_->joint_out.bias; }

}  // namespace glossa::train
