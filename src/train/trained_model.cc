#include "train/trained_model.h"

#include <algorithm>
#include <map>
#include <string>

#include "base/fail.h"
#include "model/tensor_spec.h"
#include "train/state_dict.h"

namespace glossa::train {
namespace {

constexpr std::string_view kEncoder = "encoder.";
constexpr std::string_view kEncoderLayers = "encoder.layers.";

ParameterGroups groups_of(const std::vector<std::string>& names, const TrainerOptions& options) {
  return group_parameters(names, options.surface, options.lr_scales, options.freeze_subsampling);
}

void check_rank(const model::TensorSpec& spec, int rank) {
  const std::int64_t thinnest = std::min(spec.shape[0], spec.shape[1]);
  if (rank <= thinnest) return;
  fail_invalid_argument("the rank of low-rank factors is {} (expected {} at most, as {} is {} x {})", rank,
                        thinnest, spec.name, spec.shape[0], spec.shape[1]);
}

LowRankConfig low_rank_config(const model::ModelConfig& config, const TrainerOptions& options) {
  LowRankConfig low_rank{options.low_rank, options.low_rank_alpha, {}};
  if (options.low_rank == 0) return low_rank;
  if (options.from_scratch)
    fail_invalid_argument("low-rank factors from scratch (expected a base model that they change)");
  std::vector<std::string> names;
  std::map<std::string, model::TensorSpec> matrices;
  for (const model::TensorSpec& spec : model::tensor_specs(config)) {
    if (spec.name.starts_with("preprocessor.")) continue;
    names.push_back(spec.name);
    if (spec.quantizable && spec.name.starts_with(kEncoderLayers)) matrices.emplace(spec.name, spec);
  }
  for (const ParameterGroup& group : groups_of(names, options).groups) {
    for (const std::string& name : group.names) {
      const auto matrix = matrices.find(name);
      if (matrix == matrices.end()) continue;
      check_rank(matrix->second, options.low_rank);
      low_rank.matrices.insert(name);
    }
  }
  if (low_rank.matrices.empty()) {
    fail_invalid_argument(
        "low-rank factors are for the encoder's layers, and with surface '{}' and an encoder's rate of {} "
        "times the others' none of them moves (expected full or top-K, and a rate above 0)",
        options.surface, options.lr_scales.encoder);
  }
  return low_rank;
}

}  // namespace

AsrModel initial_model(const checkpoint::Checkpoint& base, const TrainerOptions& options) {
  torch::manual_seed(options.seed);
  AsrModel model(base.config(), options.dropout, low_rank_config(base.config(), options));
  if (!options.from_scratch) load_checkpoint(model, base);
  model->to(options.device);
  return model;
}

std::vector<TrainedParameter> moving_parameters(const AsrModel& model, const TrainerOptions& options) {
  const bool has_factors = !model->low_rank().empty();
  std::vector<std::string> names;
  std::map<std::string, torch::Tensor> tensors;
  for (const auto& parameter : model->named_parameters()) {
    names.push_back(parameter.key());
    tensors.emplace(parameter.key(), parameter.value());
  }
  const ParameterGroups groups = groups_of(names, options);
  for (const std::string& name : groups.frozen) tensors.at(name).set_requires_grad(false);
  std::vector<TrainedParameter> trained;
  for (const ParameterGroup& group : groups.groups) {
    for (const std::string& name : group.names) {
      torch::Tensor& tensor = tensors.at(name);
      if (has_factors && name.starts_with(kEncoder) && !is_factor(name)) {
        tensor.set_requires_grad(false);
      } else {
        trained.push_back({name, tensor, group.lr_scale});
      }
    }
  }
  return trained;
}

std::vector<TrainedParameter> factors_of(const AsrModel& model) {
  std::vector<TrainedParameter> factors;
  for (const auto& parameter : model->named_parameters()) {
    if (is_factor(parameter.key())) factors.push_back({parameter.key(), parameter.value()});
  }
  return factors;
}

}  // namespace glossa::train
