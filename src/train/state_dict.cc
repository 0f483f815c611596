#include "train/state_dict.h"

#include <fmt/format.h>

#include <cstring>
#include <memory>

#include "base/fail.h"
#include "checkpoint/encode.h"
#include "model/tensor_spec.h"

namespace glossa::train {
namespace {

bool is_trained(const model::TensorSpec& spec) { return !spec.name.starts_with("preprocessor."); }

std::string shape_text(torch::IntArrayRef shape) { return fmt::format("[{}]", fmt::join(shape, ", ")); }

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

void check_same_names(const StateDict& first, const StateDict& second) {
  for (const auto& [name, tensor] : first) {
    const auto other = second.find(name);
    if (other == second.end()) fail_invalid_argument("{} is in one state and missing in another", name);
    if (other->second.sizes() != tensor.sizes()) {
      fail_invalid_argument("{} is {} in one state and {} in another (expected equal shapes)", name,
                            shape_text(tensor.sizes()), shape_text(other->second.sizes()));
    }
  }
  if (second.size() != first.size())
    fail_invalid_argument("one state has {} tensors, another {} (expected equal names)", first.size(),
                          second.size());
}

}  // namespace

StateDict state_of(const AsrModel& model) {
  const torch::NoGradGuard no_grad;
  StateDict state;
  for (const auto& parameter : model->named_parameters()) {
    if (is_factor(parameter.key())) continue;
    state[parameter.key()] =
        parameter->to(torch::kCPU, torch::kFloat, /*non_blocking=*/false, /*copy=*/true).contiguous();
  }
  for (const auto& [matrix, factors] : model->low_rank()) {
    torch::Tensor& sum = state.at(matrix);
    sum.add_(factors.product().view(sum.sizes()));
  }
  return state;
}

torch::Tensor tensor_in(const checkpoint::Checkpoint& checkpoint, const std::string& name) {
  const checkpoint::TensorView& view = checkpoint.tensor(name);
  const auto values = std::make_shared<std::vector<float>>(view.to_f32());
  return torch::from_blob(
      values->data(), view.shape, [values](void*) {}, torch::kFloat);
}

void load_state(AsrModel& model, const StateDict& state) {
  const torch::NoGradGuard no_grad;
  check_state(model->config(), state, "the model");
  for (auto& parameter : model->named_parameters()) {
    if (!is_factor(parameter.key())) parameter->copy_(state.at(parameter.key()));
  }
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
    parameter->copy_(tensor_in(checkpoint, parameter.key()));
  }
  checkpoint.release_pages();
}

StateDict average(const std::vector<StateDict>& states) {
  const torch::NoGradGuard no_grad;
  if (states.empty()) fail_invalid_argument("no states to average (expected at least one)");
  for (const StateDict& state : states) check_same_names(states.front(), state);
  StateDict mean;
  for (const auto& [name, first] : states.front()) {
    torch::Tensor sum = torch::zeros(first.sizes(), torch::kDouble);
    for (const StateDict& state : states) sum.add_(state.at(name));
    mean[name] = sum.div_(static_cast<double>(states.size())).to(torch::kFloat);
  }
  return mean;
}

StateDict interpolate(const StateDict& base, const StateDict& tuned, double share) {
  const torch::NoGradGuard no_grad;
  check_same_names(base, tuned);
  StateDict mixed;
  for (const auto& [name, tensor] : base) {
    mixed[name] = ((1 - share) * tensor.to(torch::kDouble) + share * tuned.at(name).to(torch::kDouble))
                      .to(torch::kFloat);
  }
  return mixed;
}

void write_nemo(const std::filesystem::path& path, const checkpoint::Checkpoint& base, const StateDict& state,
                checkpoint::DType dtype) {
  if (checkpoint::is_block_format(dtype)) {
    fail_invalid_argument("a .nemo cannot hold weights as {} (expected f32, f16 or bf16)",
                          checkpoint::dtype_name(dtype));
  }
  check_state(base.config(), state, base.source());
  checkpoint::NemoContents contents;
  contents.config_yaml = base.config_yaml();
  contents.artifacts.assign(base.artifacts().begin(), base.artifacts().end());
  std::vector<torch::Tensor> tensors;
  std::vector<std::vector<std::byte>> rounded;
  for (const model::TensorSpec& spec : model::tensor_specs(base.config())) {
    if (!is_trained(spec)) {
      if (const checkpoint::TensorView* view = base.find(spec.name)) contents.tensors.push_back(*view);
      continue;
    }
    const torch::Tensor& tensor =
        tensors.emplace_back(state.at(spec.name).to(torch::kCPU, torch::kFloat).contiguous());
    const auto* bytes = static_cast<const std::byte*>(tensor.data_ptr());
    checkpoint::TensorView view{spec.name, checkpoint::DType::kF32, spec.shape, {bytes, tensor.nbytes()}};
    if (dtype != checkpoint::DType::kF32) {
      view.bytes = rounded.emplace_back(checkpoint::encode(view, dtype, path.string()));
      view.dtype = dtype;
    }
    contents.tensors.push_back(view);
  }
  checkpoint::write_nemo(path, contents);
}

}  // namespace glossa::train
