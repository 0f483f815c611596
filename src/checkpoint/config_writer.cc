#include "checkpoint/config_writer.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

namespace glossa::checkpoint {
namespace {

std::string yaml_quoted(std::string_view text) {
  std::string result = "'";
  for (const char c : text) result += c == '\'' ? std::string("''") : std::string(1, c);
  return result + "'";
}

// The shortest text of an f32; with a point even before an exponent, else YAML 1.1 reads a string.
std::string decimal(double value) {
  std::string text = fmt::format("{}", static_cast<float>(value));
  const std::size_t exponent = text.find('e');
  if (exponent != std::string::npos && text.find('.') == std::string::npos) text.insert(exponent, ".0");
  return text;
}

// "window_size: 0.025", or in samples where no short number of seconds gives them.
std::string duration(std::string_view key, int samples, int sample_rate) {
  const std::string seconds = decimal(static_cast<double>(samples) / sample_rate);
  if (static_cast<int>(std::stod(seconds) * sample_rate) == samples)
    return fmt::format("{}: {}", key, seconds);
  return fmt::format("{}: null\n  n_{}: {}", key, key, samples);
}

std::string prompt_defaults(const model::PromptConfig& prompt) {
  if (prompt.num_prompts == 0) return "  initialize_prompt_feature: false\n";
  std::string text = fmt::format(
      "  initialize_prompt_feature: true\n  num_prompts: {}\n  prompt_dictionary:\n", prompt.num_prompts);
  for (const auto& [language, slot] : prompt.dictionary)
    text += fmt::format("    {}: {}\n", yaml_quoted(language), slot);
  return text;
}

std::string att_contexts(const model::EncoderConfig& encoder) {
  std::string text;
  for (const AttContext& context : encoder.att_contexts)
    text += fmt::format("{}[{}, {}]", text.empty() ? "" : ", ", context.left, context.right);
  return text;
}

constexpr std::string_view kTemplate = R"({name}sample_rate: {sample_rate}
model_defaults:
  enc_hidden: {d_model}
  pred_hidden: {pred_hidden}
  joint_hidden: {joint_hidden}
{prompt_defaults}tokenizer:
  dir: null
  type: bpe
  model_path: nemo:{tokenizer}
  vocab_path: nemo:{vocabulary_file}
  spe_tokenizer_vocab: nemo:{piece_file}
preprocessor:
  _target_: nemo.collections.asr.modules.AudioToMelSpectrogramPreprocessor
  sample_rate: {sample_rate}
  normalize: NA
  {window_size}
  {window_stride}
  window: hann
  features: {mels}
  n_fft: {fft}
  frame_splicing: 1
  dither: {dither}
  pad_to: 0
encoder:
  _target_: nemo.collections.asr.modules.ConformerEncoder
  feat_in: {mels}
  feat_out: -1
  n_layers: {layers}
  d_model: {d_model}
  use_bias: {use_bias}
  subsampling: dw_striding
  subsampling_factor: {factor}
  subsampling_conv_channels: {channels}
  causal_downsampling: true
  reduction: null
  reduction_position: null
  reduction_factor: 1
  ff_expansion_factor: {ff_expansion}
  self_attention_model: rel_pos
  n_heads: {heads}
  att_context_size: [{att_contexts}]
  att_context_probs: null
  att_context_style: chunked_limited
  xscaling: {xscaling}
  untie_biases: true
  pos_emb_max_len: {pos_emb_max_len}
  conv_kernel_size: {conv_kernel}
  conv_norm_type: layer_norm
  conv_context_size: causal
decoder:
  _target_: nemo.collections.asr.modules.RNNTDecoder
  normalization_mode: null
  random_state_sampling: false
  blank_as_pad: true
  prednet:
    pred_hidden: {pred_hidden}
    pred_rnn_layers: {pred_layers}
  vocab_size: {vocabulary}
joint:
  _target_: nemo.collections.asr.modules.RNNTJoint
  log_softmax: null
  preserve_memory: false
  jointnet:
    joint_hidden: {joint_hidden}
    activation: relu
    encoder_hidden: {d_model}
    pred_hidden: {pred_hidden}
  num_classes: {vocabulary}
decoding:
  strategy: greedy_batch
  greedy:
    max_symbols: {max_symbols}
target: nemo.collections.asr.models.{target}
{num_prompts})";

}  // namespace

bool is_writable_language(std::string_view language) {
  return std::all_of(language.begin(), language.end(), [](char c) { return c >= ' ' && c <= '~'; });
}

std::string write_config(const model::ModelConfig& config, const ConfigExtras& extras) {
  const model::FeatureConfig& features = config.features;
  const model::EncoderConfig& encoder = config.encoder;
  const bool prompt = config.has_prompt();
  return fmt::format(
      kTemplate,
      fmt::arg("name", extras.name.empty() ? "" : fmt::format("name: {}\n", yaml_quoted(extras.name))),
      fmt::arg("sample_rate", features.sample_rate), fmt::arg("d_model", encoder.d_model),
      fmt::arg("pred_hidden", config.predictor.hidden), fmt::arg("joint_hidden", config.joint.hidden),
      fmt::arg("prompt_defaults", prompt_defaults(config.prompt)), fmt::arg("tokenizer", kTokenizerArtifact),
      fmt::arg("vocabulary_file", kVocabularyArtifact), fmt::arg("piece_file", kPieceArtifact),
      fmt::arg("window_size", duration("window_size", features.window, features.sample_rate)),
      fmt::arg("window_stride", duration("window_stride", features.hop, features.sample_rate)),
      fmt::arg("mels", features.mels), fmt::arg("fft", features.fft),
      fmt::arg("dither", decimal(extras.dither)), fmt::arg("layers", encoder.layers),
      fmt::arg("use_bias", encoder.use_bias), fmt::arg("factor", encoder.subsampling_factor),
      fmt::arg("channels", encoder.subsampling_channels), fmt::arg("ff_expansion", encoder.ff_expansion),
      fmt::arg("heads", encoder.heads), fmt::arg("att_contexts", att_contexts(encoder)),
      fmt::arg("xscaling", encoder.scale_input), fmt::arg("pos_emb_max_len", extras.pos_emb_max_len),
      fmt::arg("conv_kernel", encoder.conv_kernel), fmt::arg("pred_layers", config.predictor.layers),
      fmt::arg("vocabulary", config.predictor.vocabulary),
      fmt::arg("max_symbols", config.decoding.max_symbols),
      fmt::arg("target", prompt ? "rnnt_bpe_models_prompt.EncDecRNNTBPEModelWithPrompt"
                                : "rnnt_bpe_models.EncDecRNNTBPEModel"),
      fmt::arg("num_prompts",
               prompt ? fmt::format("num_prompts: {}\n", config.prompt.num_prompts) : std::string()));
}

}  // namespace glossa::checkpoint
