#include "checkpoint/gguf_metadata.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>

#include "base/base64.h"
#include "base/fail.h"
#include "base/little_endian.h"
#include "checkpoint/gguf_config.h"
#include "features/log_mel.h"
#include "text/sentencepiece_model.h"

namespace glossa::checkpoint {
namespace {

// general.file_type: numbers of llama.cpp.
int file_type(DType dtype) {
  switch (dtype) {
    case DType::kF32:
      return 0;
    case DType::kF16:
      return 1;
    case DType::kQ8_0:
      return 7;
    case DType::kQ4_K:
      return 15;
    case DType::kBF16:
      return 32;
    default:
      fail_invalid_argument("{} cannot be written to a .gguf (expected f32, f16, bf16, q8_0 or q4_k)",
                            dtype_name(dtype));
  }
}

void add_encoder(GgufMetadata& metadata, const model::EncoderConfig& encoder, int mels,
                 const ConfigExtras& extras) {
  const AttContext first = encoder.att_contexts.front();
  metadata.u32("asr.encoder.d_model", encoder.d_model);
  metadata.u32("asr.encoder.n_layers", encoder.layers);
  metadata.u32("asr.encoder.n_heads", encoder.heads);
  metadata.u32("asr.encoder.d_ff", encoder.ff_size());
  metadata.u32("asr.encoder.conv_kernel_size", encoder.conv_kernel);
  metadata.u32("asr.encoder.subsampling_factor", encoder.subsampling_factor);
  metadata.u32("asr.encoder.subsampling_conv_channels", encoder.subsampling_channels);
  metadata.u32("asr.encoder.feat_in", mels);
  metadata.boolean("asr.encoder.xscaling", encoder.scale_input);
  metadata.boolean("asr.encoder.use_bias", encoder.use_bias);
  metadata.text("asr.encoder.q8_layout", "block_q8_0");
  metadata.text("asr.encoder.qkv_q8_layout", "block_q8_0");
  metadata.u32("asr.encoder.pos_emb_max_len", extras.pos_emb_max_len);
  metadata.boolean("asr.encoder.cache_supported", true);
  metadata.u32("asr.encoder.train_left_ctx", first.left);
  metadata.u32("asr.encoder.train_right_ctx", first.right);
  metadata.i32("asr.encoder.offline_left_ctx", first.left);
  metadata.i32("asr.encoder.offline_right_ctx", first.right);
  metadata.text("asr.encoder.conv_norm", "layer_norm");
  metadata.text("asr.encoder.conv_context", "causal");
  metadata.text("asr.encoder.att_context_style", "chunked_limited");
  std::vector<int> sizes;
  for (const AttContext& context : encoder.att_contexts)
    sizes.insert(sizes.end(), {context.left, context.right});
  metadata.i32s(kGgufAttContexts, sizes);
}

void add_features(GgufMetadata& metadata, const model::FeatureConfig& features, const ConfigExtras& extras) {
  metadata.u32("asr.preprocessor.sample_rate", features.sample_rate);
  metadata.f32("asr.preprocessor.window_size", static_cast<double>(features.window) / features.sample_rate);
  metadata.f32("asr.preprocessor.window_stride", static_cast<double>(features.hop) / features.sample_rate);
  metadata.u32("asr.preprocessor.n_fft", features.fft);
  metadata.u32("asr.preprocessor.features", features.mels);
  metadata.text("asr.preprocessor.normalize", "NA");
  metadata.f32("asr.preprocessor.preemph", 0.97);
  metadata.f32("asr.preprocessor.dither", extras.dither);
  metadata.boolean("asr.preprocessor.stft_center_window", true);
  metadata.boolean("asr.preprocessor.hann_periodic", false);
  metadata.boolean("asr.preprocessor.mask_invalid_frames", true);
}

void add_window(GgufMetadata& metadata, const Checkpoint& checkpoint) {
  const TensorView* tensor = checkpoint.find("preprocessor.featurizer.window");
  if (tensor == nullptr) return;
  const std::vector<float> window = tensor->to_f32();
  const std::vector<float> computed = features::hann_window(checkpoint.config().features.window);
  const auto same_bits = [](float a, float b) {
    return std::bit_cast<std::uint32_t>(a) == std::bit_cast<std::uint32_t>(b);
  };
  if (!std::equal(window.begin(), window.end(), computed.begin(), computed.end(), same_bits))
    metadata.f32s(kGgufWindow, window);
}

void add_transducer(GgufMetadata& metadata, const model::ModelConfig& config) {
  metadata.u32("asr.rnnt.vocab_size", config.joint.outputs);
  metadata.u32("asr.rnnt.blank_id", config.predictor.blank_id());
  metadata.u32("asr.rnnt.pred_embed_dim", config.predictor.hidden);
  metadata.u32("asr.rnnt.pred_hidden", config.predictor.hidden);
  metadata.u32("asr.rnnt.pred_num_layers", config.predictor.layers);
  metadata.u32("asr.rnnt.joint_dim", config.joint.hidden);
  metadata.u32("asr.rnnt.max_symbols_per_step", config.decoding.max_symbols);
  metadata.u32("asr.rnnt.num_prompts", config.prompt.num_prompts);
  std::vector<std::string> prompts;
  for (const auto& [language, slot] : config.prompt.dictionary)
    prompts.push_back(fmt::format("{}:{}", language, slot));
  if (!prompts.empty()) metadata.texts("asr.rnnt.prompt_dictionary", prompts);
}

void add_tokenizer(GgufMetadata& metadata, const Checkpoint& checkpoint) {
  std::vector<std::string> pieces;
  for (text::Piece& piece :
       text::read_sentencepiece_proto(checkpoint.tokenizer_model(), checkpoint.source()).pieces)
    pieces.push_back(std::move(piece.text));
  metadata.text("asr.tokenizer.type", "sentencepiece_bpe");
  metadata.texts("asr.tokenizer.vocab", pieces);
  metadata.text("asr.tokenizer.spm_model", to_base64(checkpoint.tokenizer_model()));
}

}  // namespace

void append_u32(std::string& out, std::uint32_t value) { append_number(out, value, 4); }
void append_u64(std::string& out, std::uint64_t value) { append_number(out, value, 8); }

void append_text(std::string& out, std::string_view text) {
  append_u64(out, text.size());
  out += text;
}

void GgufMetadata::begin(std::string_view key, GgufType type) {
  ++count_;
  append_text(bytes_, key);
  append_u32(bytes_, static_cast<std::uint32_t>(type));
}

void GgufMetadata::begin_array(std::string_view key, GgufType element, std::size_t size) {
  begin(key, GgufType::kArray);
  append_u32(bytes_, static_cast<std::uint32_t>(element));
  append_u64(bytes_, size);
}

void GgufMetadata::text(std::string_view key, std::string_view value) {
  begin(key, GgufType::kString);
  append_text(bytes_, value);
}

void GgufMetadata::u32(std::string_view key, int value) {
  begin(key, GgufType::kU32);
  append_u32(bytes_, static_cast<std::uint32_t>(value));
}

void GgufMetadata::i32(std::string_view key, int value) {
  begin(key, GgufType::kI32);
  append_u32(bytes_, static_cast<std::uint32_t>(value));
}

void GgufMetadata::f32(std::string_view key, double value) {
  begin(key, GgufType::kF32);
  append_u32(bytes_, std::bit_cast<std::uint32_t>(static_cast<float>(value)));
}

void GgufMetadata::boolean(std::string_view key, bool value) {
  begin(key, GgufType::kBool);
  bytes_ += static_cast<char>(value);
}

void GgufMetadata::texts(std::string_view key, const std::vector<std::string>& values) {
  begin_array(key, GgufType::kString, values.size());
  for (const std::string& value : values) append_text(bytes_, value);
}

void GgufMetadata::i32s(std::string_view key, const std::vector<int>& values) {
  begin_array(key, GgufType::kI32, values.size());
  for (const int value : values) append_u32(bytes_, static_cast<std::uint32_t>(value));
}

void GgufMetadata::f32s(std::string_view key, const std::vector<float>& values) {
  begin_array(key, GgufType::kF32, values.size());
  for (const float value : values) append_u32(bytes_, std::bit_cast<std::uint32_t>(value));
}

GgufMetadata gguf_metadata(const Checkpoint& checkpoint, const ConfigExtras& extras, DType dtype) {
  const model::ModelConfig& config = checkpoint.config();
  GgufMetadata metadata;
  metadata.text("general.architecture", "asr");
  metadata.text("general.name", extras.name);
  metadata.text("asr.head_type", "rnnt");
  metadata.u32("general.file_type", file_type(dtype));
  add_encoder(metadata, config.encoder, config.features.mels, extras);
  add_features(metadata, config.features, extras);
  add_window(metadata, checkpoint);
  add_transducer(metadata, config);
  add_tokenizer(metadata, checkpoint);
  return metadata;
}

}  // namespace glossa::checkpoint
