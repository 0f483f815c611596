#include "train/nn/parameters.h"

#include <cmath>
#include <memory>
#include <string_view>

#include "model/tensor_spec.h"

namespace glossa::train {
namespace {

class Node : public torch::nn::Module {};

// The module behind "a.b.c" of `root`, made where it is missing.
torch::nn::Module& module_at(torch::nn::Module& root, std::string_view path) {
  torch::nn::Module* module = &root;
  while (!path.empty()) {
    const std::string name(path.substr(0, path.find('.')));
    path.remove_prefix(std::min(path.size(), name.size() + 1));
    const auto children = module->named_children();
    const auto* child = children.find(name);
    module = child != nullptr ? child->get() : module->register_module(name, std::make_shared<Node>()).get();
  }
  return *module;
}

bool is_norm(std::string_view name) { return name.find("norm") != std::string_view::npos; }

// Inputs of one output.
double fan_in(const model::TensorSpec& spec) {
  return static_cast<double>(spec.elements()) / static_cast<double>(spec.shape.front());
}

constexpr std::string_view kSubsampling = "encoder.pre_encode.";

// Half the width of the uniform distribution of a matrix that keeps the variance of what goes through it (He
// et al. 2015). torch's and NeMo's own rules lose a factor of about three at each of the subsampling's
// layers, and what reaches the encoder is the same constant at every frame with a hundredth of sound on it.
double subsampling_bound(const model::TensorSpec& spec) {
  const bool depthwise =
      spec.shape.size() == 4 && spec.shape[1] == 1 && spec.name != "encoder.pre_encode.conv.0.weight";
  const bool before_relu = spec.name != "encoder.pre_encode.out.weight" && !depthwise;
  return std::sqrt((before_relu ? 6 : 3) / fan_in(spec));
}

void initialise(torch::Tensor& tensor, const model::TensorSpec& spec, const model::ModelConfig& config,
                double& bound) {
  const std::string_view name = spec.name;
  const std::int64_t hidden = config.predictor.hidden;
  if (is_norm(name)) {
    tensor.fill_(name.ends_with(".weight") ? 1 : 0);
  } else if (name.find("pos_bias_") != std::string_view::npos) {
    tensor.zero_();
  } else if (name == "decoder.prediction.embed.weight") {
    tensor.normal_();
    tensor[config.predictor.blank_id()].zero_();
  } else {
    const bool subsampling = name.starts_with(kSubsampling);
    if (spec.shape.size() > 1) bound = subsampling ? subsampling_bound(spec) : 1 / std::sqrt(fan_in(spec));
    if (subsampling && spec.shape.size() == 1) bound = 0;
    tensor.uniform_(-bound, bound);
    if (name.find("lstm.bias_") == std::string_view::npos) return;
    const bool input_side = name.find("bias_ih") != std::string_view::npos;
    tensor.narrow(0, hidden, hidden).fill_(input_side ? 1 : 0);
  }
}

// Log-mel features come as they are, around kMeanMel and not around 0: a first convolution drawn around them
// would give each channel a constant several times its signal, and its ReLU would be always open or always
// shut. This one begins as if it were given (mel - mean) / deviation.
void centre_features(torch::Tensor& weight, torch::Tensor& bias) {
  constexpr double kMeanMel = -10;     // of speech at usual levels, silence included
  constexpr double kMelDeviation = 3;  // within an utterance
  weight.div_(kMelDeviation);
  bias.sub_(weight.flatten(1).sum(1) * kMeanMel);
}

}  // namespace

torch::Tensor Linear::operator()(const torch::Tensor& x) const {
  const torch::Tensor y = torch::linear(x, weight.dim() == 2 ? weight : weight.flatten(1), bias);
  return low_rank.is_there() ? y + low_rank(x) : y;
}

torch::Tensor LayerNorm::operator()(const torch::Tensor& x) const {
  return torch::layer_norm(x.to(torch::kFloat), {weight.size(0)}, weight, bias, 1e-5);
}

Parameters::Parameters(torch::nn::Module& root, const model::ModelConfig& config,
                       const LowRankConfig& low_rank) {
  const torch::NoGradGuard no_grad;
  double bound = 0;
  for (const model::TensorSpec& spec : model::tensor_specs(config)) {
    if (spec.name.starts_with("preprocessor.")) continue;
    const std::size_t dot = spec.name.rfind('.');
    torch::Tensor tensor = torch::empty(spec.shape, torch::kFloat);
    initialise(tensor, spec, config, bound);
    torch::nn::Module& module = module_at(root, std::string_view(spec.name).substr(0, dot));
    tensors_[spec.name] = module.register_parameter(spec.name.substr(dot + 1), tensor);
  }
  centre_features(tensors_.at("encoder.pre_encode.conv.0.weight"),
                  tensors_.at("encoder.pre_encode.conv.0.bias"));
  for (const std::string& matrix : low_rank.matrices) add_factors(root, matrix, low_rank);
}

void Parameters::add_factors(torch::nn::Module& root, const std::string& matrix,
                             const LowRankConfig& config) {
  const torch::Tensor weight = tensors_.at(matrix).flatten(1);
  const double bound = 1 / std::sqrt(static_cast<double>(weight.size(1)));
  torch::nn::Module& module = module_at(root, std::string_view(matrix).substr(0, matrix.rfind('.')));
  const auto add = [&](std::string_view name, const torch::Tensor& factor) {
    return module.register_parameter(std::string(name), factor);
  };
  low_rank_[matrix] = {add(kFactorA, torch::empty({config.rank, weight.size(1)}).uniform_(-bound, bound)),
                       add(kFactorB, torch::zeros({weight.size(0), config.rank})),
                       config.alpha / config.rank};
}

torch::Tensor Parameters::tensor(const std::string& name) const { return tensors_.at(name); }

torch::Tensor Parameters::optional_tensor(const std::string& name) const {
  const auto found = tensors_.find(name);
  return found != tensors_.end() ? found->second : torch::Tensor();
}

Linear Parameters::linear(const std::string& name) const {
  const auto factors = low_rank_.find(name + ".weight");
  return {tensor(name + ".weight"), optional_tensor(name + ".bias"),
          factors != low_rank_.end() ? factors->second : LowRank{}};
}

LayerNorm Parameters::layer_norm(const std::string& name) const {
  return {tensor(name + ".weight"), tensor(name + ".bias")};
}

}  // namespace glossa::train
