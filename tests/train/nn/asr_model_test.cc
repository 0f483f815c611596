// Oracles: model::tensor_specs() for names, NeMo's goldens for every stage (cases/<model>/offline_*, joint),
// and for batches each utterance alone.
#include <gtest/gtest.h>

#include <map>
#include <random>

#include "model/tensor_spec.h"
#include "support/closeness.h"
#include "support/files.h"
#include "support/golden.h"
#include "support/tiny_model.h"
#include "train/nn/golden_batch.h"

namespace glossa::testing {
namespace {

using train::AsrModel;
using train::DropoutConfig;
using train::EncoderOutput;

void expect_rows(const torch::Tensor& actual, const GoldenTensor& expected, Tolerance tolerance,
                 const std::string& what) {
  expect_close(values_of(actual), expected.values, tolerance, what);
}

void expect_names_of_specs(const model::ModelConfig& config) {
  std::map<std::string, std::vector<std::int64_t>> expected;
  for (const model::TensorSpec& spec : model::tensor_specs(config)) {
    if (!spec.name.starts_with("preprocessor.")) expected[spec.name] = spec.shape;
  }
  const AsrModel model(config, DropoutConfig{});
  std::map<std::string, std::vector<std::int64_t>> actual;
  for (const auto& parameter : model->named_parameters()) {
    actual[parameter.key()] = parameter->sizes().vec();
    EXPECT_TRUE(parameter->requires_grad()) << parameter.key();
    EXPECT_TRUE(torch::isfinite(*parameter).all().item<bool>()) << parameter.key();
  }
  EXPECT_EQ(actual, expected);
  EXPECT_TRUE(model->named_buffers().is_empty());
}

TEST(AsrModel, ParametersAreTheTensorsOfTheCheckpoint) {
  for (const char* name : {"tiny", "tiny-en", "small"}) {
    SCOPED_TRACE(name);
    expect_names_of_specs(checkpoint::read_checkpoint(golden_model_path(name))->config());
  }
  const TemporaryFolder folder;
  for (std::uint32_t seed = 1; seed <= 6; ++seed) {
    SCOPED_TRACE(seed);
    const auto path = write_tiny_model(random_geometry(seed), folder / "models");
    expect_names_of_specs(checkpoint::read_checkpoint(path)->config());
  }
}

class StageParity : public ::testing::TestWithParam<const char*> {};

TEST_P(StageParity, EncoderAndPromptFusionEqualNeMo) {
  const torch::NoGradGuard no_grad;
  GoldenModel golden = golden_model(GetParam());
  int compared = 0;
  for (const auto& path : list_files(golden_dir() / "cases" / GetParam(), "offline_", ".json")) {
    SCOPED_TRACE(path.filename().string());
    const auto expected = read_json(path);
    if (expected["kind"] != "offline") continue;
    auto tensor_path = path;
    const auto tensors = read_safetensors(tensor_path.replace_extension(".safetensors"));
    const MelBatch batch = golden_mels(*golden.checkpoint, {expected["audio"].get<std::string>()});
    const EncoderOutput encoded = golden.model->encoder(batch.mels, batch.lengths, context_of(expected));
    const std::int64_t length = encoded.lengths.item<std::int64_t>();
    const torch::Tensor frames = encoded.frames.narrow(1, 0, length);
    expect_rows(frames, tensors.at("encoded"), kLayerTolerance, "encoded");
    ++compared;
    for (const auto& [name, tensor] : tensors) {
      if (!name.starts_with("prompt.")) continue;
      const torch::Tensor slots = torch::tensor({golden.slot(name.substr(7))}, torch::kLong);
      expect_rows(golden.model->prompt_fusion(frames, slots), tensor, kLayerTolerance, name);
    }
  }
  EXPECT_GE(compared, 1);
}

class JointParity : public ::testing::TestWithParam<std::string> {};

TEST_P(JointParity, PredictorAndJointEqualNeMo) {
  const torch::NoGradGuard no_grad;
  GoldenModel golden = golden_model(GetParam());
  const auto folder = golden_dir() / "cases" / GetParam();
  const auto expected = read_json(folder / "joint.json");
  const auto tensors = read_safetensors(folder / "joint.safetensors");
  const torch::Tensor targets = as_tensor(tensors.at("targets")).to(torch::kLong).unsqueeze(0);
  const torch::Tensor states = golden.model->predictor(targets);
  expect_rows(states, tensors.at("pred_out"), kLayerTolerance, "pred_out");
  const torch::Tensor frames = golden.model->joint_encoder(as_tensor(tensors.at("enc_in")).unsqueeze(0));
  const torch::Tensor labels = golden.model->joint_predictor(states);
  expect_rows(frames, tensors.at("enc_proj"), kLayerTolerance, "enc_proj");
  expect_rows(labels, tensors.at("pred_proj"), kLayerTolerance, "pred_proj");
  const auto rows = [](const nlohmann::json& indices) {
    return torch::tensor(indices.get<std::vector<std::int64_t>>(), torch::kLong);
  };
  const torch::Tensor hidden = torch::relu(frames.index_select(1, rows(expected["t"])).unsqueeze(2) +
                                           labels.index_select(1, rows(expected["u"])).unsqueeze(1));
  expect_rows(torch::linear(hidden, golden.model->joint_weight(), golden.model->joint_bias()),
              tensors.at("logits"), kLogitTolerance, "logits");
}

INSTANTIATE_TEST_SUITE_P(Golden, StageParity, ::testing::Values("tiny", "tiny-fp16", "tiny-en", "small"),
                         [](const auto& parameter) {
                           std::string name = parameter.param;
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });
INSTANTIATE_TEST_SUITE_P(Golden, JointParity, ::testing::Values("tiny", "tiny-en", "small"),
                         [](const auto& parameter) {
                           std::string name = parameter.param;
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

// Random models, contexts and lengths, long enough for attention in blocks; beyond its length a batch holds
// rubbish.
TEST(AsrModel, UtterancesOfABatchAndTheirGradientsEqualEachAlone) {
  const TemporaryFolder folder;
  constexpr AttContext kContexts[] = {{56, 0}, {56, 3}, {20, 1}, {0, 6}, {28, 13}};
  for (std::uint32_t seed = 1; seed <= 5; ++seed) {
    SCOPED_TRACE(seed);
    GoldenModel golden = model_of(write_tiny_model(random_geometry(seed), folder / "models"));
    const model::ModelConfig& config = golden.checkpoint->config();
    const AttContext context = kContexts[seed - 1];
    torch::manual_seed(seed);
    const std::int64_t factor = config.encoder.subsampling_factor;
    const std::vector<std::int64_t> lengths{170 * factor + 3, 1, 97 * factor, 7 * factor + 1};
    const torch::Tensor mels = torch::randn({4, config.features.mels, lengths.front() + 5});
    torch::Tensor target;  // the loss is the frames' product with it
    const auto loss_of = [&](const EncoderOutput& output, std::int64_t row, std::int64_t of) {
      const std::int64_t length = output.lengths[row].item<std::int64_t>();
      return (output.frames[row].narrow(0, 0, length) * target[of].narrow(0, 0, length)).sum();
    };

    const EncoderOutput batch = golden.model->encoder(100 * torch::ones_like(mels) * (mels > 1) + mels,
                                                      torch::tensor(lengths), context);
    target = torch::randn(batch.frames.sizes());
    torch::Tensor loss = torch::zeros({});
    for (std::int64_t row = 0; row < 4; ++row) loss = loss + loss_of(batch, row, row);
    loss.backward();
    std::map<std::string, torch::Tensor> together;
    for (auto& parameter : golden.model->named_parameters()) {
      if (parameter->grad().defined()) together[parameter.key()] = parameter->grad().clone();
    }
    golden.model->zero_grad();

    for (std::int64_t row = 0; row < 4; ++row) {
      const std::int64_t length = lengths[static_cast<std::size_t>(row)];
      const torch::Tensor clip = mels.narrow(0, row, 1).narrow(2, 0, length);
      const EncoderOutput alone = golden.model->encoder(100 * torch::ones_like(clip) * (clip > 1) + clip,
                                                        torch::tensor({length}), context);
      ASSERT_EQ(alone.lengths.item<std::int64_t>(), batch.lengths[row].item<std::int64_t>());
      ASSERT_EQ(alone.lengths.item<std::int64_t>(),
                model::subsampled_length(static_cast<int>(length), model::stride_2_layers(config.encoder)));
      const std::int64_t frames = alone.frames.size(1);
      expect_close(values_of(batch.frames[row].narrow(0, 0, frames)), values_of(alone.frames[0]),
                   {1e-4, 1e-4}, "row " + std::to_string(row));
      loss_of(alone, 0, row).backward();
    }
    for (const auto& [name, gradient] : together) {
      // A softmax does not see what it adds to every key: the gradient is 0 but for rounding.
      if (name.ends_with("linear_k.bias")) continue;
      const torch::Tensor sum = golden.model->named_parameters()[name].grad();
      EXPECT_LE(relative_l2(values_of(gradient), values_of(sum)), 1e-3) << name;
    }
  }
}

TEST(AsrModel, DropoutActsInTrainingOnly) {
  GoldenModel golden = golden_model("tiny");
  const MelBatch batch = golden_mels(*golden.checkpoint, {"en-US_0.wav"});
  const auto frames = [&] { return golden.model->encoder(batch.mels, batch.lengths, {56, 3}).frames; };
  const auto states = [&] { return golden.model->predictor(torch::tensor({{3, 5, 7}}, torch::kLong)); };
  EXPECT_TRUE(torch::equal(frames(), frames()));
  EXPECT_TRUE(torch::equal(states(), states()));
  golden.model->train();
  EXPECT_FALSE(torch::equal(frames(), frames()));
  EXPECT_FALSE(torch::equal(states(), states()));
  AsrModel still(golden.checkpoint->config(), DropoutConfig{0, 0, 0, 0, 0, 0});
  still->train();
  const auto once = [&] { return still->encoder(batch.mels, batch.lengths, {56, 3}).frames; };
  EXPECT_TRUE(torch::equal(once(), once()));
}

TEST(AsrModel, ShapesAndContextsThatDoNotFitAreRefused) {
  GoldenModel golden = golden_model("tiny");
  const torch::Tensor lengths = torch::tensor({9}, torch::kLong);
  EXPECT_THROW(golden.model->encoder(torch::zeros({1, 80, 9}), lengths, {56, 3}), Error);
  EXPECT_THROW(golden.model->encoder(torch::zeros({2, 128, 9}), lengths, {56, 3}), Error);
  EXPECT_THROW(golden.model->encoder(torch::zeros({1, 128, 9}), lengths, {57, 3}), Error);
}

}  // namespace
}  // namespace glossa::testing
