#include "train/state_dict.h"

#include <fmt/format.h>

#include <memory>

#include "base/fail.h"
#include "model/tensor_spec.h"

namespace glossa::train {
namespace {

bool is_trained(const model::TensorSpec& spec) { return !spec.name.starts_with("preprocessor."); }

std::string shape_text(torch::IntArrayRef shape) { return fmt::format("[{}]", fmt::join(shape, ", ")); }

void check_shape(const std::string& of, const model::TensorSpec& expected, torch::IntArrayRef found) {
  if (found == torch::IntArrayRef(expected.shape)) return;
  fail_bad_input("{}: {} is {} (expected {} from the model's geometry)", of, expected.name, shape_text(found),
                 shape_text(expected.shape));
}

void check_state(const model::ModelConfig& config, const StateDict& state, const std::string& of) {
  std::size_t trained = 0;
  for (const model::TensorSpec& spec : model::tensor_specs(config)) {
    if (!is_trained(spec)) continue;
    ++trained;
    const auto found = state.find(spec.name);
    if (found == state.end())
      fail_bad_input("the state has no {} (expected from the geometry of {})", spec.name, of);
    if (found->second.sizes() != torch::IntArrayRef(spec.shape)) {
      fail_bad_input("the state's {} is {} (expected {} from the geometry of {})", spec.name,
                     shape_text(found->second.sizes()), shape_text(spec.shape), of);
    }
  }
  if (state.size() == trained) return;
  for (const auto& [name, tensor] : state) {
    const auto specs = model::tensor_specs(config);
    const auto has_name = [&name](const model::TensorSpec& spec) { return spec.name == name; };
    if (std::none_of(specs.begin(), specs.end(), has_name))
      fail_bad_input("the state has a {}, which the geometry of {} has not", name, of);
  }
}

}  // namespace

StateDict state_of(const AsrModel& model) {
  const torch::NoGradGuard no_grad;
  StateDict state;
  for (const auto& parameter : model->named_parameters()) {
    if (is_factor(parameter.key())) continue;
    state[parameter.key()] = parameter->detach().to(torch::kCPU, torch::kFloat).contiguous();
  }
  for (const auto& [matrix, factors] : model->low_rank()) {
    torch::Tensor& sum = state.at(matrix);
    sum = sum + factors.product().view(sum.sizes()).to(torch::kCPU);
  }
  return state;
}

torch::Tensor tensor_in(const checkpoint::Checkpoint& checkpoint, const std::string& name) {
  const checkpoint::TensorView& view = checkpoint.tensor(name);
  const auto values = std::make_shared<std::vector<float>>(view.to_f32());
  return torch::from_blob(
      values->data(), view.shape, [values](void*) {}, torch::kFloat);
}

void load_checkpoint(AsrModel& model, const checkpoint::Checkpoint& checkpoint,
                     const std::set<std::string>& without) {
  const torch::NoGradGuard no_grad;
  for (auto& parameter : model->named_parameters()) {
    if (is_factor(parameter.key()) || without.contains(parameter.key())) continue;
    const checkpoint::TensorView& view = checkpoint.tensor(parameter.key());
    if (parameter->sizes() != torch::IntArrayRef(view.shape)) {
      fail_bad_input("{}: {} is {} (expected {} from the model's geometry)", checkpoint.source(), view.name,
                     shape_text(view.shape), shape_text(parameter->sizes()));
    }
    const torch::Tensor values = tensor_in(checkpoint, parameter.key());
    if (!torch::isfinite(values).all().item<bool>())
      fail_bad_input("{}: tensor {} has values that are no numbers", checkpoint.source(), view.name);
    parameter->copy_(values);
  }
  checkpoint.release_pages();
}

StateDict mean_of(const std::vector<std::filesystem::path>& models, const checkpoint::Checkpoint& base,
                  double base_share) {
  const torch::NoGradGuard no_grad;
  if (models.empty()) fail_invalid_argument("no models to average (expected at least one)");
  std::vector<std::shared_ptr<const checkpoint::Checkpoint>> checkpoints;
  for (const std::filesystem::path& model : models) checkpoints.push_back(checkpoint::read_nemo(model));
  StateDict result;
  for (const model::TensorSpec& spec : model::tensor_specs(base.config())) {
    if (!is_trained(spec)) continue;
    torch::Tensor sum = torch::zeros(spec.shape, torch::kDouble);
    for (const auto& checkpoint : checkpoints) {
      const torch::Tensor tensor = tensor_in(*checkpoint, spec.name);
      check_shape(checkpoint->source(), spec, tensor.sizes());
      sum.add_(tensor);
      checkpoint->release_pages();
    }
    torch::Tensor mean = sum.div_(static_cast<double>(models.size())).to(torch::kFloat);
    if (base_share > 0) {
      const torch::Tensor untrained = tensor_in(base, spec.name).to(torch::kDouble);
      mean = (base_share * untrained + (1 - base_share) * mean.to(torch::kDouble)).to(torch::kFloat);
    }
    result[spec.name] = mean;
  }
  return result;
}

void write_nemo(const std::filesystem::path& path, const checkpoint::Checkpoint& base,
                const StateDict& state) {
  check_state(base.config(), state, base.source());
  checkpoint::NemoContents contents;
  contents.config_yaml = base.config_yaml();
  contents.artifacts.assign(base.artifacts().begin(), base.artifacts().end());
  std::vector<torch::Tensor> tensors;
  for (const model::TensorSpec& spec : model::tensor_specs(base.config())) {
    if (!is_trained(spec)) {
      if (const checkpoint::TensorView* view = base.find(spec.name)) contents.tensors.push_back(*view);
      continue;
    }
    const torch::Tensor& tensor =
        tensors.emplace_back(state.at(spec.name).to(torch::kCPU, torch::kFloat).contiguous());
    const auto* bytes = static_cast<const std::byte*>(tensor.data_ptr());
    contents.tensors.push_back({spec.name, checkpoint::DType::kF32, spec.shape, {bytes, tensor.nbytes()}});
  }
  checkpoint::write_nemo(path, contents);
}

}  // namespace glossa::train
