// Oracles: one training step's loss and gradients, and five steps of AdamW, by NeMo. cases/train/grads_*,
// optim_* The RNN-T loss is the plain one: all logits, log_softmax, the forward recursion, and torch's
// autograd.
#include <gtest/gtest.h>

#include "support/closeness.h"
#include "support/golden.h"
#include "train/nn/golden_batch.h"

namespace glossa::testing {
namespace {

// -logZ of one utterance, logits [T, U + 1, V] with blank last. FastEmit makes the value (1 + lambda) times
// as large and scales the gradient that label arcs receive.
torch::Tensor plain_rnnt_loss(const torch::Tensor& logits, const torch::Tensor& labels, double lambda) {
  const std::int64_t frames = logits.size(0);
  const std::int64_t count = labels.size(0);
  const torch::Tensor scores = torch::log_softmax(logits.to(torch::kDouble), -1);
  const torch::Tensor blank = scores.select(2, -1);
  torch::Tensor label =
      scores.narrow(1, 0, count).gather(2, labels.view({1, count, 1}).expand({frames, count, 1})).squeeze(2);
  label = (1 + lambda) * label - (lambda * label).detach();
  std::vector<torch::Tensor> alphas(static_cast<std::size_t>(count + 1));
  for (std::int64_t frame = 0; frame < frames; ++frame) {
    for (std::int64_t u = 0; u <= count; ++u) {
      torch::Tensor& alpha = alphas[static_cast<std::size_t>(u)];
      if (frame > 0) alpha = alpha + blank[frame - 1][u];
      if (u == 0) {
        if (frame == 0) alpha = torch::zeros({}, torch::kDouble);
        continue;
      }
      const torch::Tensor emitted = alphas[static_cast<std::size_t>(u - 1)] + label[frame][u - 1];
      alpha = frame > 0 ? torch::logaddexp(alpha, emitted) : emitted;
    }
  }
  const torch::Tensor log_z = alphas.back() + blank[frames - 1][count];
  return -(log_z + lambda * log_z.detach());
}

struct TrainingStep {
  explicit TrainingStep(const nlohmann::json& golden, const std::string& model_name, double lambda)
      : golden_model(testing::golden_model(model_name)),
        batch(golden_mels(*golden_model.checkpoint, golden["audio"].get<std::vector<std::string>>())),
        context(context_of(golden)),
        fastemit(lambda) {
    if (!golden["prompt_index"].is_null())
      slots = torch::tensor(golden["prompt_index"].get<std::vector<std::int64_t>>(), torch::kLong);
  }

  // The mean over the batch.
  torch::Tensor loss() {
    train::AsrModel& model = golden_model.model;
    const train::EncoderOutput encoded = model->encoder(batch.mels, batch.lengths, context);
    frames = encoded.frames;
    const torch::Tensor fused = model->joint_encoder(model->prompt_fusion(encoded.frames, slots));
    const torch::Tensor states = model->joint_predictor(model->predictor(targets));
    torch::Tensor sum = torch::zeros({}, torch::kDouble);
    for (std::int64_t row = 0; row < targets.size(0); ++row) {
      const std::int64_t length = encoded.lengths[row].item<std::int64_t>();
      const std::int64_t count = target_lengths[row].item<std::int64_t>();
      const torch::Tensor hidden = torch::relu(fused[row].narrow(0, 0, length).unsqueeze(1) +
                                               states[row].narrow(0, 0, count + 1).unsqueeze(0));
      sum = sum + plain_rnnt_loss(torch::linear(hidden, model->joint_weight(), model->joint_bias()),
                                  targets[row].narrow(0, 0, count), fastemit);
    }
    return sum / targets.size(0);
  }

  GoldenModel golden_model;
  MelBatch batch;
  AttContext context;
  double fastemit;
  torch::Tensor slots;
  torch::Tensor targets;
  torch::Tensor target_lengths;
  torch::Tensor frames;  // of the last loss()
};

void set_targets(TrainingStep& step, const std::map<std::string, GoldenTensor>& tensors) {
  step.targets = as_tensor(tensors.at("targets")).to(torch::kLong);
  step.target_lengths = as_tensor(tensors.at("target_lengths")).to(torch::kLong);
}

std::filesystem::path train_case(const std::string& name) { return golden_dir() / "cases" / "train" / name; }

struct GradientCase {
  const char* name;
  const char* model;
  double fastemit;
};

class GradientParity : public ::testing::TestWithParam<GradientCase> {};

TEST_P(GradientParity, LossAndEveryGradientEqualNeMo) {
  const std::string name = std::string("grads_") + GetParam().name;
  const auto golden = read_json(train_case(name + ".json"));
  const auto tensors = read_safetensors(train_case(name + ".safetensors"));
  TrainingStep step(golden, GetParam().model, GetParam().fastemit);
  set_targets(step, tensors);
  const torch::Tensor loss = step.loss();
  const double expected_loss = golden["loss"];
  EXPECT_NEAR(loss.item<double>(), expected_loss, 1e-5 * expected_loss);
  loss.backward();
  std::size_t compared = 0;
  for (const auto& parameter : step.golden_model.model->named_parameters()) {
    const torch::Tensor gradient = parameter->grad();
    ASSERT_TRUE(gradient.defined()) << parameter.key();
    const double norm = golden["grad_norms"].at(parameter.key());
    EXPECT_NEAR(gradient.norm().item<double>(), norm, 1e-3 * norm + 1e-7) << parameter.key();
    ++compared;
    const auto whole = tensors.find("grad." + parameter.key());
    if (whole == tensors.end()) continue;
    EXPECT_LE(relative_l2(values_of(gradient), whole->second.values), 1e-3) << parameter.key();
  }
  EXPECT_EQ(compared, golden["grad_norms"].size());
}

INSTANTIATE_TEST_SUITE_P(Golden, GradientParity,
                         ::testing::Values(GradientCase{"tiny_56_3", "tiny", 0},
                                           GradientCase{"tiny_56_0", "tiny", 0},
                                           GradientCase{"tiny-en_70_1", "tiny-en", 0},
                                           GradientCase{"tiny_56_13_fastemit", "tiny", 0.005}),
                         [](const auto& parameter) {
                           std::string name = parameter.param.name;
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

const torch::optim::AdamWParamState& state_of(torch::optim::AdamW& optimizer,
                                              const torch::Tensor& parameter) {
#if GLOSSA_TORCH_2
  auto& state = optimizer.state().at(parameter.unsafeGetTensorImpl());
#else
  auto& state = optimizer.state().at(c10::guts::to_string(parameter.unsafeGetTensorImpl()));
#endif
  return static_cast<const torch::optim::AdamWParamState&>(*state);
}

class TrajectoryParity : public ::testing::TestWithParam<const char*> {};

TEST_P(TrajectoryParity, FiveStepsOfAdamWEqualNeMo) {
  const std::string name = std::string("optim_") + GetParam();
  const auto golden = read_json(train_case(name + ".json"));
  const auto tensors = read_safetensors(train_case(name + ".safetensors"));
  // NeMo's default loss, with its default FastEmit; the batch is that of grads_tiny_56_3.
  TrainingStep step(golden, "tiny", /*lambda=*/0.005);
  set_targets(step, read_safetensors(train_case("grads_tiny_56_3.safetensors")));
  const auto& options = golden["optimizer"];
  torch::optim::AdamW optimizer(step.golden_model.model->parameters(),
                                torch::optim::AdamWOptions()
                                    .betas({options["betas"][0], options["betas"][1]})
                                    .eps(options["eps"])
                                    .weight_decay(options["weight_decay"]));
  for (const auto& expected : golden["steps"]) {
    SCOPED_TRACE(expected["step"].get<int>());
    static_cast<torch::optim::AdamWOptions&>(optimizer.param_groups()[0].options()).lr(expected["lr"]);
    optimizer.zero_grad();
    const torch::Tensor loss = step.loss();
    EXPECT_NEAR(loss.item<double>(), expected["loss"], 1e-3 * expected["loss"].get<double>());
    loss.backward();
    if (golden["clip_norm"] > 0) {  // 0: neither clipped nor recorded
      const double norm =
          torch::nn::utils::clip_grad_norm_(step.golden_model.model->parameters(), golden["clip_norm"]);
      EXPECT_NEAR(norm, expected["grad_norm_before_clip"],
                  1e-3 * expected["grad_norm_before_clip"].get<double>());
    }
    optimizer.step();
  }
  const auto parameters = step.golden_model.model->named_parameters();
  for (const auto& [key, tensor] : tensors) {
    const std::size_t dot = key.find('.');
    const std::string kind = key.substr(0, dot);
    const torch::Tensor& parameter = parameters[key.substr(dot + 1)];
    if (kind == "param") {
      EXPECT_LE(relative_l2(values_of(parameter), tensor.values), 1e-5) << key;
    } else {
      const auto& state = state_of(optimizer, parameter);
      EXPECT_LE(
          relative_l2(values_of(kind == "exp_avg" ? state.exp_avg() : state.exp_avg_sq()), tensor.values),
          1e-3)
          << key;
    }
  }
  // Parameters agree to 1e-5; where gradients are in the thousands, that is a part in a hundred of the loss.
  EXPECT_NEAR(step.loss().item<double>(), golden["final_loss"], 1e-2 * golden["final_loss"].get<double>());
}

INSTANTIATE_TEST_SUITE_P(Golden, TrajectoryParity, ::testing::Values("tiny_cosine", "tiny_noam"));

}  // namespace
}  // namespace glossa::testing
