#include "checkpoint/config_parser.h"

#include <algorithm>
#include <utility>

#include "base/fail.h"
#include "base/printable.h"
#include "checkpoint/checkpoint.h"
#include "checkpoint/config_document.h"

namespace glossa::checkpoint {
namespace {

// The class that NeMo would construct: only the last component of "_target_" (or of the older "cls") counts.
void expect_class(const ConfigSection& section, std::string_view expected) {
  for (const std::string_view key : {"_target_", "cls"}) {
    const auto target = section.text(key);
    if (!target) continue;
    const std::string_view name = std::string_view(*target).substr(target->rfind('.') + 1);
    if (name != expected && name != std::string(expected) + "Adapter") section.fail(key, expected);
  }
}

// NeMo's normaliser ignores any type it does not know; these are the spellings of "none" that occur.
void expect_no_normalisation(const ConfigSection& section) {
  constexpr std::string_view kExpected = "'NA': this engine computes features without normalisation";
  if (!section.mentions("normalize")) section.fail("normalize", kExpected);  // NeMo's default is per_feature
  const auto node = section.value("normalize");
  if (!node) return;  // null
  for (const std::string_view none : {"NA", "None", "none", "false", "False", ""}) {
    if (node->IsScalar() && node->Scalar() == none) return;
  }
  section.fail("normalize", kExpected);
}

// Where null is not the default but "none of it".
void expect_not_null(const ConfigSection& section, std::string_view key, std::string_view expected) {
  if (section.mentions(key) && !section.has(key)) section.fail(key, expected);
}

int samples_of(const ConfigSection& section, std::string_view seconds_key, std::string_view samples_key,
               int sample_rate) {
  constexpr int kMost = 1 << 20;
  if (section.has(samples_key)) {
    const int samples = section.integer(samples_key);
    if (samples < 0 || samples > kMost) section.fail(samples_key, "a duration in samples");
    return samples;
  }
  const double samples = section.number(seconds_key) * sample_rate;
  if (samples < 0 || samples > kMost) section.fail(seconds_key, "a duration in seconds");
  return static_cast<int>(samples);  // truncated, as NeMo does
}

// Of numbers up to 2^20, as samples_of() gives.
int next_power_of_two(int value) {
  int power = 1;
  while (power < value) power *= 2;
  return power;
}

model::FeatureConfig parse_features(const ConfigSection& root, const ConfigDocument& document) {
  const ConfigSection section = root.required_section("preprocessor");
  expect_class(section, "AudioToMelSpectrogramPreprocessor");
  model::FeatureConfig features;
  features.sample_rate = section.integer("sample_rate");
  if (root.has("sample_rate") && root.integer("sample_rate") != features.sample_rate) {
    fail_bad_input("{}: sample_rate is {} but preprocessor.sample_rate is {}", document.source(),
                   root.integer("sample_rate"), features.sample_rate);
  }
  features.window = samples_of(section, "window_size", "n_window_size", features.sample_rate);
  features.hop = samples_of(section, "window_stride", "n_window_stride", features.sample_rate);
  features.fft = section.integer_or("n_fft", next_power_of_two(features.window));
  features.mels = section.integer("features");
  expect_not_null(section, "window", "'hann'");
  section.expect_text("window", "hann", "hann");
  section.expect_number("frame_splicing", 1);
  expect_not_null(section, "preemph", "0.97");
  section.expect_number("preemph", 0.97);
  section.expect_boolean("log", true, true);
  section.expect_text("log_zero_guard_type", "add", "add");
  section.expect_number("log_zero_guard_value", 0x1p-24);
  section.expect_number("mag_power", 2);
  section.expect_number("lowfreq", 0);
  section.expect_number("highfreq", features.sample_rate / 2.0);
  section.expect_number("pad_value", 0);
  section.expect_text("mel_norm", "slaney", "slaney");
  section.expect_boolean("exact_pad", false, false);
  section.expect_boolean("stft_exact_pad", false, false);
  section.expect_boolean("use_torchaudio", false, false);
  expect_no_normalisation(section);
  return features;
}

AttContext parse_att_context(const ConfigSection& section, const YAML::Node& pair) {
  constexpr std::string_view kKey = "att_context_size";
  if (!pair.IsSequence() || pair.size() != 2) section.fail(kKey, "[left, right] or a list of such pairs");
  const auto frames = [&](const YAML::Node& node) {
    int value = 0;
    if (!node.IsScalar() || !YAML::convert<int>::decode(node, value))
      section.fail(kKey, "pairs of whole numbers");
    return value;
  };
  return {frames(pair[0]), frames(pair[1])};
}

// One pair, or a list of pairs of which the first is the default.
std::vector<AttContext> parse_att_contexts(const ConfigSection& section, const ConfigDocument& document) {
  constexpr std::string_view kKey = "att_context_size";
  constexpr std::size_t kMost = 256;
  const auto node = section.value(kKey);
  if (!node || !node->IsSequence() || node->size() == 0)
    section.fail(kKey, "[left, right] or a list of such pairs");
  if (!document.resolve((*node)[0], section.name(kKey)).IsSequence())
    return {parse_att_context(section, *node)};
  if (node->size() > kMost) section.fail(kKey, "at most 256 pairs");
  std::vector<AttContext> contexts;
  for (const auto& pair : *node)
    contexts.push_back(parse_att_context(section, document.resolve(pair, section.name(kKey))));
  return contexts;
}

// "causal", or [kernel - 1, 0].
void expect_causal_convolution(const ConfigSection& section, int kernel) {
  constexpr std::string_view kKey = "conv_context_size";
  if (kernel < 1) section.fail("conv_kernel_size", "a positive number");
  const std::string expected = fmt::format("'causal' or [{}, 0] for conv_kernel_size={}", kernel - 1, kernel);
  const auto node = section.value(kKey);
  if (!node) section.fail(kKey, expected);
  if (node->IsScalar() && node->Scalar() == "causal") return;
  if (!node->IsSequence() || node->size() != 2) section.fail(kKey, expected);
  int left = 0;
  int right = 0;
  if (!(*node)[0].IsScalar() || !(*node)[1].IsScalar() || !YAML::convert<int>::decode((*node)[0], left) ||
      !YAML::convert<int>::decode((*node)[1], right) || left != kernel - 1 || right != 0) {
    section.fail(kKey, expected);
  }
}

model::EncoderConfig parse_encoder(const ConfigSection& root, const ConfigDocument& document, int mels) {
  const ConfigSection section = root.required_section("encoder");
  expect_class(section, "ConformerEncoder");
  model::EncoderConfig encoder;
  encoder.layers = section.integer("n_layers");
  encoder.d_model = section.integer("d_model");
  encoder.heads = section.integer("n_heads");
  encoder.ff_expansion = section.integer_or("ff_expansion_factor", 4);  // NeMo's defaults, here and below
  encoder.conv_kernel = section.integer("conv_kernel_size");
  encoder.subsampling_factor = section.integer("subsampling_factor");
  encoder.subsampling_channels = section.integer("subsampling_conv_channels");
  if (encoder.subsampling_channels == -1) encoder.subsampling_channels = encoder.d_model;
  encoder.use_bias = section.boolean_or("use_bias", true);
  encoder.scale_input = section.boolean_or("xscaling", true);
  encoder.att_contexts = parse_att_contexts(section, document);

  if (section.integer("feat_in") != mels)
    section.fail("feat_in", fmt::format("{} as preprocessor.features", mels));
  const int feat_out = section.integer_or("feat_out", -1);
  if (feat_out > 0 && feat_out != encoder.d_model)
    section.fail("feat_out", "-1: no projection of the output");
  section.expect_text("subsampling", "dw_striding", "striding");
  section.expect_boolean("causal_downsampling", true, false);
  section.expect_null("reduction");
  section.expect_number("reduction_factor", 1);
  section.expect_text("self_attention_model", "rel_pos", "rel_pos");
  section.expect_text("att_context_style", "chunked_limited", "regular");
  section.expect_boolean("untie_biases", true, true);
  section.expect_text("conv_norm_type", "layer_norm", "batch_norm");
  section.expect_boolean("conv_dual_mode", false, false);
  section.expect_number("global_tokens", 0);
  expect_causal_convolution(section, encoder.conv_kernel);
  return encoder;
}

std::vector<std::pair<std::string, int>> parse_prompt_dictionary(const ConfigSection& defaults,
                                                                 const ConfigDocument& document) {
  constexpr std::string_view kKey = "prompt_dictionary";
  constexpr std::size_t kMostLanguages = 10'000;
  const auto node = defaults.value(kKey);
  if (!node || !node->IsMap() || node->size() > kMostLanguages)
    defaults.fail(kKey, "a mapping from language to slot");
  std::vector<std::pair<std::string, int>> dictionary;
  for (const auto& entry : *node) {
    if (!entry.first.IsScalar()) defaults.fail(kKey, "language codes as keys");
    const std::string where = fmt::format("{}.{}", defaults.name(kKey), printable(entry.first.Scalar()));
    const YAML::Node value = document.resolve(entry.second, where);
    int slot = 0;
    if (!value.IsScalar() || !YAML::convert<int>::decode(value, slot)) {
      fail_bad_input("{}: {} is {} (expected a slot number)", document.source(), where,
                     ConfigSection::shown(value));
    }
    const std::string language = prompt_language(entry.first.Scalar());
    const bool repeated = std::any_of(dictionary.begin(), dictionary.end(), [&](const auto& other) {
      return other.first == language && other.second == slot;  // both "no" and "false"
    });
    if (!repeated) dictionary.emplace_back(language, slot);
  }
  return dictionary;
}

model::PromptConfig parse_prompt(const ConfigSection& root, const ConfigDocument& document, int d_model) {
  const ConfigSection defaults = root.section("model_defaults");
  model::PromptConfig prompt;
  if (!defaults.exists() || !defaults.boolean_or("initialize_prompt_feature", false)) return prompt;
  const ConfigSection& counting = defaults.has("num_prompts") ? defaults : root;
  prompt.num_prompts = counting.integer("num_prompts");
  if (prompt.num_prompts < 1)
    counting.fail("num_prompts", "at least 1: model_defaults.initialize_prompt_feature is true");
  if (root.has("num_prompts") && root.integer("num_prompts") != prompt.num_prompts) {
    root.fail("num_prompts", fmt::format("{} as model_defaults.num_prompts", prompt.num_prompts));
  }
  // NeMo: Linear(d_model + num_prompts, 2 * d_model), ReLU, Linear(2 * d_model, d_model).
  if (d_model > 0 && d_model <= (1 << 20)) prompt.hidden = 2 * d_model;
  prompt.dictionary = parse_prompt_dictionary(defaults, document);
  return prompt;
}

// The number of pieces is written in up to five places; all that are there must agree.
int parse_vocabulary(const ConfigSection& root, const ConfigDocument& document) {
  const ConfigSection decoder = root.section("decoder");
  const ConfigSection joint = root.section("joint");
  constexpr int kMost = 1 << 30;  // one more, for blank, is still a number
  int pieces = 0;
  std::string first;
  const auto agree = [&](const std::string& name, int count) {
    if (pieces == 0) {
      pieces = count;
      first = name;
    } else if (count != pieces) {
      fail_bad_input("{}: {} says {} pieces but {} says {}", document.source(), first, pieces, name, count);
    }
  };
  // -1: "to be filled in" of configs that were never trained.
  for (const auto& [section, key] : {std::pair{&decoder, "vocab_size"}, std::pair{&joint, "num_classes"}}) {
    const int count = section->integer_or(key, -1);
    if (count > kMost) section->fail(key, "a number of pieces");
    if (count > 0) agree(section->name(key), count);
  }
  for (const auto& [section, key] :
       {std::pair{&joint, "vocabulary"}, std::pair{&decoder, "vocabulary"}, std::pair{&root, "labels"}}) {
    const auto size = section->list_size(key);
    if (size && *size > 0 && *size < kMost)
      agree("the length of " + section->name(key), static_cast<int>(*size));
  }
  if (pieces == 0) {
    fail_bad_input(
        "{}: the size of the vocabulary is missing (expected decoder.vocab_size or joint.num_classes)",
        document.source());
  }
  return pieces;
}

model::PredictorConfig parse_predictor(const ConfigSection& root, int vocabulary) {
  const ConfigSection section = root.required_section("decoder");
  expect_class(section, "RNNTDecoder");
  section.expect_null("normalization_mode");
  section.expect_boolean("blank_as_pad", true, true);
  const ConfigSection net = section.required_section("prednet");
  model::PredictorConfig predictor;
  predictor.vocabulary = vocabulary;
  predictor.hidden = net.integer("pred_hidden");
  predictor.layers = net.integer("pred_rnn_layers");
  // A wider LSTM with a projection.
  const int rnn_hidden = net.integer_or("rnn_hidden_size", -1);
  if (rnn_hidden > 0 && rnn_hidden != predictor.hidden) {
    net.fail("rnn_hidden_size", fmt::format("-1 or pred_hidden={}", predictor.hidden));
  }
  return predictor;
}

model::JointConfig parse_joint(const ConfigSection& root, const model::EncoderConfig& encoder,
                               const model::PredictorConfig& predictor) {
  const ConfigSection section = root.required_section("joint");
  expect_class(section, "RNNTJoint");
  section.expect_number("num_extra_outputs", 0);  // durations of a TDT model
  const ConfigSection net = section.required_section("jointnet");
  model::JointConfig joint;
  joint.hidden = net.integer("joint_hidden");
  joint.outputs = predictor.vocabulary + 1;
  net.expect_text("activation", "relu", "");
  if (net.integer_or("encoder_hidden", encoder.d_model) != encoder.d_model) {
    net.fail("encoder_hidden", fmt::format("{} as encoder.d_model", encoder.d_model));
  }
  if (net.integer_or("pred_hidden", predictor.hidden) != predictor.hidden) {
    net.fail("pred_hidden", fmt::format("{} as decoder.prednet.pred_hidden", predictor.hidden));
  }
  return joint;
}

model::DecodingConfig parse_decoding(const ConfigSection& root) {
  constexpr int kNemoDefault = 10;
  const ConfigSection section = root.section("decoding");
  if (!section.exists()) return {kNemoDefault};
  section.expect_text("model_type", "rnnt", "rnnt");
  const ConfigSection greedy = section.section("greedy");
  if (!greedy.exists()) return {kNemoDefault};
  return {greedy.integer_or("max_symbols", greedy.integer_or("max_symbols_per_step", kNemoDefault))};
}

ParsedConfig parse_document(const std::string& yaml, const std::string& source) {
  const ConfigDocument document(yaml, source);
  const ConfigSection root = document.root();
  ParsedConfig parsed;
  model::ModelConfig& config = parsed.config;
  config.features = parse_features(root, document);
  config.encoder = parse_encoder(root, document, config.features.mels);
  config.prompt = parse_prompt(root, document, config.encoder.d_model);
  config.predictor = parse_predictor(root, parse_vocabulary(root, document));
  config.joint = parse_joint(root, config.encoder, config.predictor);
  config.decoding = parse_decoding(root);
  model::validate(config, source);
  const ConfigSection tokenizer = root.section("tokenizer");
  if (tokenizer.exists()) parsed.tokenizer_model = tokenizer.text("model_path").value_or("");
  return parsed;
}

ConfigExtras parse_extras(const ConfigDocument& document) {
  constexpr int kMostPositions = 1 << 16;
  const ConfigSection root = document.root();
  ConfigExtras extras;
  extras.name = root.text("name").value_or("");
  const ConfigSection preprocessor = root.section("preprocessor");
  if (preprocessor.has("dither")) extras.dither = preprocessor.number("dither");
  const ConfigSection encoder = root.section("encoder");
  extras.pos_emb_max_len = encoder.integer_or("pos_emb_max_len", extras.pos_emb_max_len);
  if (extras.pos_emb_max_len < 1 || extras.pos_emb_max_len > kMostPositions)
    encoder.fail("pos_emb_max_len", fmt::format("1 to {}", kMostPositions));
  return extras;
}

template <class Parse>
auto without_yaml_errors(const std::string& source, Parse parse) {
  try {
    return parse();
  } catch (const YAML::Exception& error) {
    fail_bad_input("{}: unusable YAML: {}", source, error.what());
  }
}

}  // namespace

std::string prompt_language(std::string_view key) {
  for (const std::string_view no : {"no", "No", "NO", "false", "False", "FALSE"}) {
    if (key == no) return "no";
  }
  return std::string(key);
}

ParsedConfig parse_config(const std::string& yaml, const std::string& source) {
  return without_yaml_errors(source, [&] { return parse_document(yaml, source); });
}

ConfigExtras parse_config_extras(const std::string& yaml, const std::string& source) {
  return without_yaml_errors(source, [&] { return parse_extras(ConfigDocument(yaml, source)); });
}

model::ModelConfig parse_model_config(const std::string& yaml, const std::string& source) {
  return parse_config(yaml, source).config;
}

}  // namespace glossa::checkpoint
