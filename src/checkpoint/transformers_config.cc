#include "checkpoint/transformers_config.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>

#include "base/fail.h"
#include "base/printable.h"
#include "checkpoint/config_writer.h"
#include "checkpoint/json_section.h"
#include "checkpoint/transformers_layout.h"

namespace glossa::checkpoint {
namespace {

using nlohmann::ordered_json;

constexpr const char* kMultilingual = "nemotron3_5_asr";
constexpr const char* kEnglish = "nemotron_asr_streaming";
constexpr double kPreemphasis = 0.97;
constexpr int kKernel = 3;  // of the subsampling's convolutions
constexpr int kStride = 2;

// Defaults in this file are those of transformers' configuration classes. What has none here must be there:
// vocabulary, prompt dictionary and the encoder's settings as a whole.
model::FeatureConfig read_features(const JsonSection& extractor) {
  if (extractor.value("spectrogram_config") != nullptr)  // of transformers to come
    extractor.fail("spectrogram_config", "the front end's settings without further levels");
  model::FeatureConfig features;
  features.sample_rate = extractor.integer("sampling_rate", 16000);
  features.window = extractor.integer("win_length", 400);
  features.hop = extractor.integer("hop_length", 160);
  features.fft = extractor.integer("n_fft", 512);
  features.mels = extractor.integer("feature_size", 80);
  extractor.expect_number("preemphasis", kPreemphasis);
  extractor.expect_number("padding_value", 0);
  return features;
}

// What the processor lists, else what the encoder of an older folder does, else the default alone; the
// default first.
std::vector<AttContext> read_att_contexts(const JsonSection& encoder, const JsonSection& processor) {
  const int left = encoder.integer("sliding_window", 71) - 1;
  const bool listed = processor.value("supported_num_lookahead_tokens") != nullptr;
  const JsonSection& from = listed ? processor : encoder;
  std::vector<int> rights = from.integers("supported_num_lookahead_tokens");
  const int first =
      from.integer("default_num_lookahead_tokens",
                   rights.empty() ? encoder.integer("default_num_lookahead_tokens", 13) : rights.front());
  std::erase(rights, first);
  rights.insert(rights.begin(), first);
  std::vector<AttContext> contexts;
  for (const int right : rights) contexts.push_back({left, right});
  return contexts;
}

model::EncoderConfig read_encoder(const JsonSection& encoder, const JsonSection& processor, int mels) {
  model::EncoderConfig read;
  read.d_model = encoder.integer("hidden_size", 1024);
  read.layers = encoder.integer("num_hidden_layers", 24);
  read.heads = encoder.integer("num_attention_heads", 8);
  encoder.expect_integer("num_key_value_heads", read.heads);
  const int ff_size = encoder.integer("intermediate_size", 4096);
  if (read.d_model < 1 || ff_size % read.d_model != 0)
    encoder.fail("intermediate_size", "a multiple of hidden_size");
  read.ff_expansion = ff_size / read.d_model;
  read.conv_kernel = encoder.integer("conv_kernel_size", 9);
  read.subsampling_factor = encoder.integer("subsampling_factor", 8);
  read.subsampling_channels = encoder.integer("subsampling_conv_channels", 256);
  read.use_bias = encoder.boolean("attention_bias", true);
  if (encoder.boolean("convolution_bias", true) != read.use_bias)
    encoder.fail("convolution_bias", "the same as attention_bias");
  read.scale_input = encoder.boolean("scale_input", true);
  read.att_contexts = read_att_contexts(encoder, processor);
  encoder.expect_text("hidden_act", "silu");
  encoder.expect_integer("subsampling_conv_kernel_size", kKernel);
  encoder.expect_integer("subsampling_conv_stride", kStride);
  if (encoder.integer("num_mel_bins", 80) != mels)
    encoder.fail("num_mel_bins", fmt::format("the feature_size of the processor, {}", mels));
  return read;
}

model::PromptConfig read_prompts(const JsonSection& config, const JsonSection& processor) {
  model::PromptConfig prompt;
  prompt.num_prompts = config.integer("num_prompts", 128);
  if (prompt.num_prompts < 1) config.fail("num_prompts", "at least 1");
  prompt.hidden = config.integer("prompt_intermediate_size", 2048);
  const auto dictionary = processor.section("prompt_dictionary");
  if (!dictionary) processor.fail("prompt_dictionary", "languages and their slots");
  for (const auto& [language, value] : processor.value("prompt_dictionary")->items()) {
    const std::pair entry(prompt_language(language), dictionary->integer(language, -1));
    if (!is_writable_language(language)) dictionary->fail(language, "a language in printable ASCII");
    const auto& known = prompt.dictionary;
    const bool repeated =
        std::find(known.begin(), known.end(), entry) != known.end();  // both "no" and "False"
    if (!repeated) prompt.dictionary.push_back(entry);
  }
  return prompt;
}

void read_transducer(const JsonSection& config, model::ModelConfig& read) {
  read.joint.outputs = config.integer("vocab_size", -1);
  if (read.joint.outputs < 1) config.fail("vocab_size", "the number of pieces, and one for blank");
  const int blank = config.integer("blank_token_id", -1);
  if (blank != read.joint.outputs - 1)
    config.fail("blank_token_id", fmt::format("the last of vocab_size={}", read.joint.outputs));
  read.predictor.vocabulary = blank;
  read.predictor.hidden = config.integer("decoder_hidden_size", 640);
  read.predictor.layers = config.integer("num_decoder_layers", 2);
  read.joint.hidden = config.integer("joint_hidden_size", read.predictor.hidden);
  read.decoding.max_symbols = config.integer("max_symbols_per_step", 10);
  config.expect_text("hidden_act", "relu");
  if (const auto* durations = config.value("durations"); durations != nullptr && !durations->empty())
    config.fail("durations", "none: an RNN-T");
}

// The processor's own, or the file of a folder that keeps it apart, which `apart` then holds.
JsonSection feature_extractor(const TransformersFolder& folder, const JsonSection& processor,
                              std::optional<ordered_json>& apart) {
  for (const char* key : {"audio_processor", "feature_extractor"}) {
    if (const auto section = processor.section(key)) return *section;
  }
  if (folder.find(kPreprocessorFile) == nullptr)
    processor.fail("feature_extractor", "the front end's settings");
  const std::string source = folder.path_of(kPreprocessorFile);
  return {apart.emplace(parse_json_object(folder.text(kPreprocessorFile), source)), source};
}

ordered_json encoder_json(const model::ModelConfig& config, const ConfigExtras& extras,
                          const std::vector<int>& rights) {
  const model::EncoderConfig& encoder = config.encoder;
  return {{"attention_bias", encoder.use_bias},
          {"conv_kernel_size", encoder.conv_kernel},
          {"convolution_bias", encoder.use_bias},
          {"default_num_lookahead_tokens", rights.front()},
          {"hidden_act", "silu"},
          {"hidden_size", encoder.d_model},
          {"intermediate_size", encoder.ff_size()},
          {"max_position_embeddings", extras.pos_emb_max_len},
          {"model_type", "nemotron_asr_streaming_encoder"},
          {"num_attention_heads", encoder.heads},
          {"num_hidden_layers", encoder.layers},
          {"num_key_value_heads", encoder.heads},
          {"num_mel_bins", config.features.mels},
          {"scale_input", encoder.scale_input},
          {"sliding_window", encoder.att_contexts.front().left + 1},
          {"subsampling_conv_channels", encoder.subsampling_channels},
          {"subsampling_conv_kernel_size", kKernel},
          {"subsampling_conv_stride", kStride},
          {"subsampling_factor", encoder.subsampling_factor},
          {"supported_num_lookahead_tokens", rights}};
}

// The slot for who names no language: "auto", where there is one.
int default_prompt(const model::PromptConfig& prompt) {
  const auto& dictionary = prompt.dictionary;
  const auto found = std::find_if(dictionary.begin(), dictionary.end(),
                                  [](const auto& entry) { return entry.first == "auto"; });
  if (found != dictionary.end()) return found->second;
  return dictionary.empty() ? 0 : dictionary.front().second;
}

const char* dtype_word(DType dtype) {
  switch (dtype) {
    case DType::kF16:
      return "float16";
    case DType::kBF16:
      return "bfloat16";
    default:
      return "float32";
  }
}

ordered_json model_json(const model::ModelConfig& config, const ConfigExtras& extras, DType dtype,
                        int padding_id, const std::vector<int>& rights) {
  const bool prompt = config.has_prompt();
  ordered_json json = {{"architectures", {prompt ? "Nemotron3_5AsrForRNNT" : "NemotronAsrStreamingForRNNT"}},
                       {"blank_token_id", config.predictor.blank_id()},
                       {"decoder_hidden_size", config.predictor.hidden},
                       {"dtype", dtype_word(dtype)},
                       {"encoder_config", encoder_json(config, extras, rights)},
                       {"hidden_act", "relu"},
                       {"is_encoder_decoder", true},
                       {"joint_hidden_size", config.joint.hidden},
                       {"max_symbols_per_step", config.decoding.max_symbols},
                       {"model_type", prompt ? kMultilingual : kEnglish},
                       {"num_decoder_layers", config.predictor.layers},
                       {"pad_token_id", padding_id},
                       {"vocab_size", config.joint.outputs}};
  if (prompt) {
    json["default_prompt_id"] = default_prompt(config.prompt);
    json["durations"] = ordered_json::array();
    json["num_prompts"] = config.prompt.num_prompts;
    json["prompt_intermediate_size"] = config.prompt.hidden;
  }
  return json;
}

ordered_json processor_json(const model::ModelConfig& config, const std::vector<int>& rights) {
  const model::FeatureConfig& features = config.features;
  ordered_json json = {
      {"blank_token", "<blank>"},
      {"default_num_lookahead_tokens", rights.front()},
      {"feature_extractor",
       {{"feature_extractor_type", "NemotronAsrStreamingFeatureExtractor"},
        {"feature_size", features.mels},
        {"hop_length", features.hop},
        {"n_fft", features.fft},
        {"padding_side", "right"},
        {"padding_value", 0.0},
        {"preemphasis", kPreemphasis},
        {"return_attention_mask", true},
        {"sampling_rate", features.sample_rate},
        {"win_length", features.window}}},
      {"processor_class", config.has_prompt() ? "Nemotron3_5AsrProcessor" : "NemotronAsrStreamingProcessor"},
      {"supported_num_lookahead_tokens", rights}};
  if (!config.has_prompt()) return json;
  json["num_prompts"] = config.prompt.num_prompts;
  ordered_json dictionary = ordered_json::object();
  for (const auto& [language, slot] : config.prompt.dictionary) dictionary[language] = slot;
  json["prompt_dictionary"] = std::move(dictionary);
  return json;
}

std::vector<int> right_contexts(const model::ModelConfig& config, const std::string& source) {
  std::vector<int> rights;
  const AttContext first = config.encoder.att_contexts.front();
  for (const AttContext& context : config.encoder.att_contexts) {
    if (context.left != first.left) {
      fail_invalid_argument(
          "{}: transformers knows one left context for all latency settings (expected [{}, {}], got [{}, "
          "{}])",
          source, first.left, context.right, context.left, context.right);
    }
    rights.push_back(context.right);
  }
  return rights;
}

}  // namespace

TransformersConfig read_transformers_config(const TransformersFolder& folder) {
  const ordered_json config_json = parse_json_object(folder.text(kConfigFile), folder.path_of(kConfigFile));
  const JsonSection config(config_json, folder.path_of(kConfigFile));
  const auto* type = config.value("model_type");
  if (type == nullptr || (*type != kMultilingual && *type != kEnglish))
    config.fail("model_type", fmt::format("{} or {}", kMultilingual, kEnglish));
  const auto encoder = config.section("encoder_config");
  if (!encoder) config.fail("encoder_config", "the encoder's geometry");
  const ordered_json processor_json =
      parse_json_object(folder.text(kProcessorFile), folder.path_of(kProcessorFile));
  const JsonSection processor(processor_json, folder.path_of(kProcessorFile));
  std::optional<ordered_json> apart;

  TransformersConfig read;
  read.config.features = read_features(feature_extractor(folder, processor, apart));
  read.config.encoder = read_encoder(*encoder, processor, read.config.features.mels);
  if (*type == kMultilingual) read.config.prompt = read_prompts(config, processor);
  read_transducer(config, read.config);
  model::validate(read.config, folder.path_of(kConfigFile) + " (in NeMo's words)");
  constexpr int kMostPositions = 1 << 16;
  read.extras.pos_emb_max_len =
      std::clamp(encoder->integer("max_position_embeddings", 5000), 1, kMostPositions);
  return read;
}

std::vector<std::pair<std::string, std::string>> write_transformers_config(const model::ModelConfig& config,
                                                                           const ConfigExtras& extras,
                                                                           DType dtype, int padding_id,
                                                                           const std::string& source) {
  const std::vector<int> rights = right_contexts(config, source);
  if (config.joint.hidden != config.predictor.hidden) {
    fail_invalid_argument(
        "{}: transformers knows no joint of another width than the predictor's (expected {}, got {})", source,
        config.predictor.hidden, config.joint.hidden);
  }
  const int blank = config.predictor.blank_id();
  const ordered_json generation = {{"decoder_start_token_id", blank}, {"pad_token_id", padding_id}};
  try {
    constexpr int kIndent = 2;
    return {{kConfigFile, model_json(config, extras, dtype, padding_id, rights).dump(kIndent) + "\n"},
            {kGenerationFile, generation.dump(kIndent) + "\n"},
            {kProcessorFile, processor_json(config, rights).dump(kIndent) + "\n"}};
  } catch (const ordered_json::exception&) {
    fail_invalid_argument("{}: a prompt language is not UTF-8, which JSON needs", source);
  }
}

}  // namespace glossa::checkpoint
