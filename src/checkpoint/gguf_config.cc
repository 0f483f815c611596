#include "checkpoint/gguf_config.h"

#include <algorithm>
#include <cmath>

#include "base/fail.h"
#include "base/printable.h"
#include "checkpoint/config_writer.h"

namespace glossa::checkpoint {
namespace {

void expect_text(const GgufFile& file, std::string_view key, std::string_view expected) {
  const std::string_view found = file.text(key);
  if (found != expected)
    fail_bad_input("{}: {} is '{}' (expected '{}')", file.source(), key, printable(found), expected);
}

// Keys that files of older converters do not have.
void expect_text_if_present(const GgufFile& file, std::string_view key, std::string_view expected) {
  if (file.has(key)) expect_text(file, key, expected);
}
void expect_if_present(const GgufFile& file, std::string_view key, bool expected) {
  if (file.has(key) && file.boolean(key) != expected)
    fail_bad_input("{}: {} is {} (expected {})", file.source(), key, !expected, expected);
}

// Seconds are stored as f32: a number of samples that is whole but for their rounding is whole; else it is
// truncated, as NeMo does.
int samples_of(const GgufFile& file, std::string_view key, int sample_rate) {
  constexpr double kMost = 1 << 20;
  constexpr double kRounding = 0.01;
  const double samples = file.number(key) * sample_rate;
  if (!(samples >= 0 && samples <= kMost))
    fail_bad_input("{}: {} is {} (expected a duration in seconds)", file.source(), key, file.number(key));
  const double nearest = std::round(samples);
  return static_cast<int>(std::abs(samples - nearest) < kRounding ? nearest : samples);
}

model::FeatureConfig read_features(const GgufFile& file) {
  model::FeatureConfig features;
  features.sample_rate = file.integer("asr.preprocessor.sample_rate");
  features.window = samples_of(file, "asr.preprocessor.window_size", features.sample_rate);
  features.hop = samples_of(file, "asr.preprocessor.window_stride", features.sample_rate);
  features.fft = file.integer("asr.preprocessor.n_fft");
  features.mels = file.integer("asr.preprocessor.features");
  constexpr double kPreemphasis = 0.97;
  const double preemphasis = file.number("asr.preprocessor.preemph");
  if (!(std::abs(preemphasis - kPreemphasis) < 1e-6)) {
    fail_bad_input("{}: asr.preprocessor.preemph is {} (expected {})", file.source(), preemphasis,
                   kPreemphasis);
  }
  const std::string_view normalize = file.text("asr.preprocessor.normalize");
  if (normalize != "NA" && normalize != "None" && normalize != "none") {
    fail_bad_input("{}: asr.preprocessor.normalize is '{}' (expected 'NA': features without normalisation)",
                   file.source(), printable(normalize));
  }
  expect_if_present(file, "asr.preprocessor.stft_center_window", true);
  expect_if_present(file, "asr.preprocessor.hann_periodic", false);
  expect_if_present(file, "asr.preprocessor.mask_invalid_frames", true);
  return features;
}

// What glossa wrote, or the one pair of the file. NVIDIA's multilingual models are trained with a left
// context of 56 and five right contexts; the pair of the file is their default.
std::vector<AttContext> read_att_contexts(const GgufFile& file) {
  if (file.has(kGgufAttContexts)) {
    const std::vector<int> sizes = file.integers(kGgufAttContexts);
    std::vector<AttContext> contexts;
    for (std::size_t index = 0; index + 1 < sizes.size(); index += 2)
      contexts.push_back({sizes[index], sizes[index + 1]});
    if (sizes.size() % 2 != 0)
      fail_bad_input("{}: {} has {} numbers (expected pairs)", file.source(), kGgufAttContexts, sizes.size());
    return contexts;
  }
  const AttContext only{file.integer("asr.encoder.offline_left_ctx"),
                        file.integer("asr.encoder.offline_right_ctx")};
  constexpr int kMultilingualLeft = 56;
  constexpr int kMultilingualRights[] = {0, 1, 3, 6, 13};
  std::vector<AttContext> contexts{only};
  if (only.left != kMultilingualLeft ||
      std::count(std::begin(kMultilingualRights), std::end(kMultilingualRights), only.right) == 0) {
    return contexts;
  }
  for (const int right : kMultilingualRights) {
    if (right != only.right) contexts.push_back({kMultilingualLeft, right});
  }
  return contexts;
}

model::EncoderConfig read_encoder(const GgufFile& file, int mels) {
  model::EncoderConfig encoder;
  encoder.d_model = file.integer("asr.encoder.d_model");
  encoder.layers = file.integer("asr.encoder.n_layers");
  encoder.heads = file.integer("asr.encoder.n_heads");
  const int ff_size = file.integer("asr.encoder.d_ff");
  if (encoder.d_model < 1 || ff_size % encoder.d_model != 0) {
    fail_bad_input("{}: asr.encoder.d_ff is {} (expected a multiple of asr.encoder.d_model={})",
                   file.source(), ff_size, encoder.d_model);
  }
  encoder.ff_expansion = ff_size / encoder.d_model;
  encoder.conv_kernel = file.integer("asr.encoder.conv_kernel_size");
  encoder.subsampling_factor = file.integer("asr.encoder.subsampling_factor");
  encoder.subsampling_channels = file.integer("asr.encoder.subsampling_conv_channels");
  encoder.use_bias = file.boolean("asr.encoder.use_bias");
  encoder.scale_input = file.boolean("asr.encoder.xscaling");
  encoder.att_contexts = read_att_contexts(file);
  if (file.integer("asr.encoder.feat_in") != mels) {
    fail_bad_input("{}: asr.encoder.feat_in is {} (expected asr.preprocessor.features={})", file.source(),
                   file.integer("asr.encoder.feat_in"), mels);
  }
  expect_text(file, "asr.encoder.conv_norm", "layer_norm");
  expect_text(file, "asr.encoder.att_context_style", "chunked_limited");
  const std::string left_only = fmt::format("[{}, 0]", encoder.conv_kernel - 1);
  if (file.text("asr.encoder.conv_context") != left_only)
    expect_text(file, "asr.encoder.conv_context", "causal");
  return encoder;
}

// "en-US:0".
std::pair<std::string, int> read_prompt(const GgufFile& file, std::string_view entry) {
  const std::size_t colon = entry.rfind(':');
  const std::string_view digits = colon == std::string_view::npos ? "" : entry.substr(colon + 1);
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  constexpr std::size_t kMostDigits = 5;
  const std::string_view language = entry.substr(0, std::min(colon, entry.size()));
  if (digits.empty() || digits.size() > kMostDigits || !std::all_of(digits.begin(), digits.end(), is_digit) ||
      !is_writable_language(language)) {
    fail_bad_input("{}: asr.rnnt.prompt_dictionary has '{}' (expected language:slot)", file.source(),
                   printable(entry));
  }
  const int slot = std::stoi(std::string(digits));
  return {prompt_language(language), slot};
}

model::PromptConfig read_prompts(const GgufFile& file) {
  model::PromptConfig prompt;
  const auto tensors = file.tensors();
  const auto kernel = std::find_if(tensors.begin(), tensors.end(), [](const GgufTensor& tensor) {
    return tensor.name == "prompt_kernel.0.weight";
  });
  if (kernel == tensors.end()) return prompt;
  constexpr std::int64_t kMostHidden = 1 << 20;
  prompt.num_prompts = file.integer("asr.rnnt.num_prompts");
  if (prompt.num_prompts < 1) {
    fail_bad_input("{}: asr.rnnt.num_prompts is {} (expected at least 1: the file has {})", file.source(),
                   prompt.num_prompts, kernel->name);
  }
  prompt.hidden = static_cast<int>(std::min(kernel->shape.front(), kMostHidden));
  for (const std::string_view entry : file.texts("asr.rnnt.prompt_dictionary")) {
    std::pair<std::string, int> read = read_prompt(file, entry);
    const bool repeated = std::find(prompt.dictionary.begin(), prompt.dictionary.end(), read) !=
                          prompt.dictionary.end();  // both "no" and "False"
    constexpr std::size_t kMostLanguages = 10'000;
    if (prompt.dictionary.size() > kMostLanguages) {
      fail_bad_input("{}: asr.rnnt.prompt_dictionary is too long (expected at most {} languages)",
                     file.source(), kMostLanguages);
    }
    if (!repeated) prompt.dictionary.push_back(std::move(read));
  }
  return prompt;
}

void read_transducer(const GgufFile& file, model::ModelConfig& config) {
  const int outputs = file.integer("asr.rnnt.vocab_size");
  const int blank = file.integer("asr.rnnt.blank_id");
  if (outputs < 1 || blank != outputs - 1) {
    fail_bad_input("{}: asr.rnnt.blank_id is {} (expected the last of asr.rnnt.vocab_size={})", file.source(),
                   blank, outputs);
  }
  config.predictor.vocabulary = blank;
  config.predictor.hidden = file.integer("asr.rnnt.pred_hidden");
  config.predictor.layers = file.integer("asr.rnnt.pred_num_layers");
  if (file.integer("asr.rnnt.pred_embed_dim") != config.predictor.hidden) {
    fail_bad_input("{}: asr.rnnt.pred_embed_dim is {} (expected asr.rnnt.pred_hidden={})", file.source(),
                   file.integer("asr.rnnt.pred_embed_dim"), config.predictor.hidden);
  }
  config.joint.hidden = file.integer("asr.rnnt.joint_dim");
  config.joint.outputs = outputs;
  config.decoding.max_symbols = file.integer("asr.rnnt.max_symbols_per_step");
}

ConfigExtras read_extras(const GgufFile& file) {
  ConfigExtras extras;
  if (file.has("general.name")) {
    const std::string_view name = file.text("general.name");
    const bool plain =  // nor what YAML readers take for a reference
        std::all_of(name.begin(), name.end(), [](char c) { return c >= ' ' && c <= '~' && c != '$'; });
    if (plain) extras.name = name;
  }
  if (file.has("asr.preprocessor.dither")) {
    const double dither = file.number("asr.preprocessor.dither");
    if (std::isfinite(dither)) extras.dither = dither;
  }
  if (file.has("asr.encoder.pos_emb_max_len"))
    extras.pos_emb_max_len = std::clamp(file.integer("asr.encoder.pos_emb_max_len"), 1, 1 << 16);
  return extras;
}

}  // namespace

GgufConfig read_gguf_config(const GgufFile& file) {
  expect_text(file, "general.architecture", "asr");
  expect_text(file, "asr.head_type", "rnnt");
  // "tensor_planar_v1", the other layout, is for one vendor's GPU kernels only.
  expect_text_if_present(file, "asr.encoder.q8_layout", "block_q8_0");
  expect_text_if_present(file, "asr.encoder.qkv_q8_layout", "block_q8_0");
  GgufConfig read;
  read.config.features = read_features(file);
  read.config.encoder = read_encoder(file, read.config.features.mels);
  read.config.prompt = read_prompts(file);
  read_transducer(file, read.config);
  model::validate(read.config, file.source());
  read.extras = read_extras(file);
  return read;
}

}  // namespace glossa::checkpoint
