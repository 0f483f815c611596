#include "support/tiny_model.h"

#include <fmt/format.h>

#include <cmath>
#include <cstring>
#include <random>
#include <vector>

#include "checkpoint/checkpoint.h"
#include "model/tensor_spec.h"
#include "support/files.h"
#include "support/golden.h"

namespace glossa::testing {
namespace {

std::string config_yaml(const TinyModelOptions& options, int vocabulary) {
  std::string prompts;
  if (options.num_prompts > 0) {
    prompts = fmt::format(
        "model_defaults:\n  initialize_prompt_feature: true\n  num_prompts: {}\n  prompt_dictionary:\n"
        "    en-US: 0\n    en: 0\n    de-DE: 1\n    de: 1\n    el-GR: 2\n    'no': 3\n    auto: {}\n",
        options.num_prompts, options.num_prompts - 1);
  }
  return prompts + fmt::format(R"(sample_rate: 16000
tokenizer:
  type: bpe
  model_path: nemo:0123456789abcdef0123456789abcdef_tokenizer.model
preprocessor:
  _target_: nemo.collections.asr.modules.AudioToMelSpectrogramPreprocessor
  sample_rate: 16000
  normalize: NA
  window_size: 0.025
  window_stride: 0.01
  window: hann
  features: {mels}
  n_fft: 512
  frame_splicing: 1
  dither: 1.0e-05
  pad_to: 0
encoder:
  _target_: nemo.collections.asr.modules.ConformerEncoder
  feat_in: {mels}
  n_layers: {layers}
  d_model: {d_model}
  use_bias: {bias}
  subsampling: dw_striding
  subsampling_factor: {factor}
  subsampling_conv_channels: {channels}
  causal_downsampling: true
  ff_expansion_factor: 4
  self_attention_model: rel_pos
  n_heads: {heads}
  att_context_size: [[56, 3], [56, 0], [56, 6], [56, 13]]
  att_context_style: chunked_limited
  xscaling: {scale}
  untie_biases: true
  conv_kernel_size: {kernel}
  conv_norm_type: layer_norm
  conv_context_size: causal
decoder:
  _target_: nemo.collections.asr.modules.RNNTDecoder
  normalization_mode: null
  blank_as_pad: true
  vocab_size: {vocabulary}
  prednet: {{pred_hidden: {pred_hidden}, pred_rnn_layers: {pred_layers}}}
joint:
  _target_: nemo.collections.asr.modules.RNNTJoint
  jointnet: {{joint_hidden: {joint_hidden}, activation: relu, encoder_hidden: {d_model}, pred_hidden: {pred_hidden}}}
  num_classes: {vocabulary}
decoding:
  strategy: greedy_batch
  greedy: {{max_symbols: 10}}
)",
                               fmt::arg("mels", options.mels), fmt::arg("layers", options.layers),
                               fmt::arg("d_model", options.d_model),
                               fmt::arg("bias", options.use_bias ? "true" : "false"),
                               fmt::arg("scale", options.scale_input ? "true" : "false"),
                               fmt::arg("factor", options.subsampling_factor),
                               fmt::arg("channels", options.channels), fmt::arg("heads", options.heads),
                               fmt::arg("kernel", options.conv_kernel), fmt::arg("vocabulary", vocabulary),
                               fmt::arg("pred_hidden", options.predictor_hidden),
                               fmt::arg("pred_layers", options.predictor_layers),
                               fmt::arg("joint_hidden", options.joint_hidden));
}

// Norm weights near 1, matrices scaled so that activations neither grow nor vanish.
float draw(const model::TensorSpec& spec, std::mt19937& random) {
  std::normal_distribution<float> normal;
  const bool is_norm = spec.name.find("norm") != std::string::npos && spec.name.ends_with(".weight");
  if (is_norm) return 1.0f + 0.1f * normal(random);
  if (spec.shape.size() == 1) return 0.1f * normal(random);
  const double inputs = static_cast<double>(spec.elements()) / static_cast<double>(spec.shape.front());
  return normal(random) / static_cast<float>(std::sqrt(inputs));
}

}  // namespace

TinyModelOptions random_geometry(std::uint32_t seed) {
  std::mt19937 random(seed);
  const auto pick = [&](int low, int high) { return std::uniform_int_distribution<int>(low, high)(random); };
  TinyModelOptions options;
  options.seed = seed;
  options.layers = pick(1, 3);
  options.heads = pick(1, 4);
  options.d_model = options.heads * 2 * pick(2, 9);  // head sizes that are no multiple of a vector, too
  options.mels = pick(0, 1) == 0 ? 80 : pick(20, 40);
  options.channels = pick(3, 20);
  options.conv_kernel = 2 * pick(0, 15) + 1;
  options.subsampling_factor = 1 << pick(1, 3);
  options.scale_input = pick(0, 2) == 0;
  options.use_bias = pick(0, 1) == 1;
  options.num_prompts = pick(0, 2) == 0 ? 0 : pick(5, 40);
  options.predictor_hidden = pick(5, 40);
  options.predictor_layers = pick(1, 3);
  options.joint_hidden = pick(5, 40);
  options.blank_bias = pick(0, 10) / 10.0;
  return options;
}

std::filesystem::path write_tiny_model(const TinyModelOptions& options, const std::filesystem::path& folder) {
  const std::string tokenizer =
      read_bytes(golden_dir() / "tokenizers" / options.tokenizer / "tokenizer.model");
  const auto tokenizer_bytes = std::as_bytes(std::span(tokenizer));
  const std::string vocab = read_bytes(golden_dir() / "tokenizers" / options.tokenizer / "tokenizer.vocab");
  int vocabulary = 0;
  for (const char letter : vocab) vocabulary += letter == '\n' ? 1 : 0;

  checkpoint::NemoContents contents;
  contents.config_yaml = config_yaml(options, vocabulary);
  contents.artifacts.push_back(
      {"0123456789abcdef0123456789abcdef_tokenizer.model", {tokenizer_bytes.begin(), tokenizer_bytes.end()}});
  const model::ModelConfig config = checkpoint::parse_model_config(contents.config_yaml, "tiny model");
  std::mt19937 random(options.seed);
  std::vector<std::vector<float>> storage;
  for (const model::TensorSpec& spec : model::tensor_specs(config)) {
    if (spec.optional) continue;
    std::vector<float>& values = storage.emplace_back(static_cast<std::size_t>(spec.elements()));
    for (float& value : values) value = draw(spec, random);
    if (spec.name == "joint.joint_net.2.bias") values.back() += static_cast<float>(options.blank_bias);
    contents.tensors.push_back(
        {spec.name, checkpoint::DType::kF32, spec.shape, std::as_bytes(std::span(values))});
  }
  std::filesystem::create_directories(folder);
  const auto path = folder / fmt::format("tiny_{}.nemo", options.seed);
  checkpoint::write_nemo(path, contents);
  return path;
}

}  // namespace glossa::testing
