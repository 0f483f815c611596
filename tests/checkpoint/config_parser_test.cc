#include "checkpoint/config_parser.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fmt/format.h>

#include "checkpoint/checkpoint.h"
#include "glossa/error.hpp"
#include "support/message_of.h"

namespace glossa::checkpoint {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

// The sections of the published configuration that matter, small.
const std::string kYaml = R"(sample_rate: 16000
num_prompts: 128
model_defaults:
  enc_hidden: 64
  initialize_prompt_feature: true
  num_prompts: 128
  norm: None
  prompt_dictionary:
    en-US: 0
    en: 0
    no-NO: 27
    'no': 27
    auto: 101
tokenizer:
  dir: /somewhere
  type: bpe
  model_path: nemo:0123_tokenizer.model
preprocessor:
  _target_: nemo.collections.asr.modules.AudioToMelSpectrogramPreprocessor
  sample_rate: 16000
  normalize: NA
  window_size: 0.025
  window_stride: 0.01
  window: hann
  features: 128
  n_fft: 512
  frame_splicing: 1
  dither: 1.0e-05
  pad_to: 0
encoder:
  _target_: nemo.collections.asr.modules.ConformerEncoder
  feat_in: 128
  feat_out: -1
  n_layers: 3
  d_model: 64
  use_bias: false
  subsampling: dw_striding
  subsampling_factor: 8
  subsampling_conv_channels: 32
  causal_downsampling: true
  reduction: null
  reduction_factor: 1
  ff_expansion_factor: 4
  self_attention_model: rel_pos
  n_heads: 4
  att_context_size: [[56, 3], [56, 0]]
  att_context_style: chunked_limited
  xscaling: false
  untie_biases: true
  conv_kernel_size: 9
  conv_norm_type: layer_norm
  conv_context_size: causal
decoder:
  _target_: nemo.collections.asr.modules.RNNTDecoder
  normalization_mode: null
  blank_as_pad: true
  prednet: {pred_hidden: 80, pred_rnn_layers: 2, t_max: null, dropout: 0.2}
  vocab_size: 4
joint:
  _target_: nemo.collections.asr.modules.RNNTJoint
  jointnet: {joint_hidden: 96, activation: relu, dropout: 0.2, encoder_hidden: 64, pred_hidden: 80}
  num_classes: 4
  vocabulary: [a, b, c, d]
decoding:
  strategy: greedy_batch
  greedy: {max_symbols: 7}
labels: [a, b, c, d]
)";

std::string with(const std::string& from, const std::string& to, std::string yaml = kYaml) {
  const std::size_t at = yaml.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return yaml.replace(at, from.size(), to);
}

std::string without(const std::string& line) { return with(line, ""); }

model::ModelConfig parse(const std::string& yaml) { return parse_model_config(yaml, "x.nemo"); }

std::string config_error(const std::string& yaml) {
  return testing::message_of([&] { parse(yaml); }, ErrorCode::kBadInput, "x.nemo");
}

TEST(ConfigParser, Values) {
  const auto parsed = parse_config(kYaml, "x.nemo");
  EXPECT_EQ(parsed.tokenizer_model, "nemo:0123_tokenizer.model");
  const auto& config = parsed.config;
  EXPECT_EQ(config.features.window, 400);
  EXPECT_EQ(config.features.hop, 160);
  EXPECT_EQ(config.encoder.att_contexts, (std::vector<AttContext>{{56, 3}, {56, 0}}));
  EXPECT_EQ(config.prompt.num_prompts, 128);
  EXPECT_EQ(config.prompt.hidden, 128);
  EXPECT_EQ(config.prompt.dictionary.size(), 5u);
  EXPECT_EQ(config.prompt.dictionary[3], (std::pair<std::string, int>{"no", 27}));
  EXPECT_EQ(config.predictor.vocabulary, 4);
  EXPECT_EQ(config.joint.outputs, 5);
  EXPECT_EQ(config.decoding.max_symbols, 7);
}

// A YAML 1.1 reader and writer in between turn the key 'no' into false.
TEST(ConfigParser, NorwegianIsNotABoolean) {
  for (const char* key : {"no", "No", "NO", "false", "False", "\"no\""}) {
    const auto config = parse(with("'no': 27", std::string(key) + ": 27"));
    EXPECT_EQ(config.prompt.dictionary.at(3).first, "no") << key;
  }
  EXPECT_EQ(parse(with("'no': 27", "'no': 27\n    false: 27")).prompt.dictionary.size(), 5u);
  EXPECT_THAT(config_error(with("'no': 27", "'no': 27\n    false: 28")), HasSubstr("'no' occurs twice"));
}

TEST(ConfigParser, ModelWrapperAndParams) {
  std::string wrapped = "name: experiment\nmodel:\n";
  for (std::size_t at = 0; at < kYaml.size();) {
    const std::size_t end = kYaml.find('\n', at) + 1;
    wrapped += "  " + kYaml.substr(at, end - at);
    at = end;
  }
  EXPECT_EQ(parse(wrapped).encoder.layers, 3);
  EXPECT_EQ(parse(with("n_layers: 3", "n_layers: ${model.encoder.n_heads}", wrapped)).encoder.layers, 4);
  EXPECT_EQ(parse(with("n_layers: 3", "n_layers: ${encoder.n_heads}", wrapped)).encoder.layers, 4);

  const auto older = with("  n_layers: 3\n", "  params:\n    n_layers: 5\n");
  EXPECT_EQ(parse(older).encoder.layers, 5);
}

TEST(ConfigParser, Interpolations) {
  EXPECT_EQ(parse(with("d_model: 64", "d_model: ${model_defaults.enc_hidden}")).encoder.d_model, 64);
  EXPECT_EQ(parse(with("d_model: 64", "d_model: ${model.model_defaults.enc_hidden}")).encoder.d_model, 64);
  EXPECT_EQ(parse(with("feat_in: 128", "feat_in: ${preprocessor.features}")).features.mels, 128);
  const auto chain = with("enc_hidden: 64", "enc_hidden: ${encoder.subsampling_conv_channels}",
                          with("d_model: 64", "d_model: ${model_defaults.enc_hidden}",
                               with("encoder_hidden: 64", "encoder_hidden: 32")));
  EXPECT_EQ(parse(chain).encoder.d_model, 32);
  const auto section = with("enc_hidden: 64", "copy: ${encoder}",
                            with("n_layers: 3", "n_layers: ${model_defaults.copy.n_heads}"));
  EXPECT_EQ(parse(section).encoder.layers, 4);
  EXPECT_THAT(config_error(with("d_model: 64", "d_model: ${no.such.key}")),
              AllOf(HasSubstr("encoder.d_model"), HasSubstr("no.such.key")));
  EXPECT_THAT(config_error(with("d_model: 64", "d_model: ${encoder.d_model}")), HasSubstr("cycle"));
  EXPECT_THAT(config_error(with("d_model: 64", "d_model: ${encoder.n_heads}",
                                with("n_heads: 4", "n_heads: ${encoder.d_model}"))),
              HasSubstr("cycle"));
  EXPECT_THAT(config_error(with("d_model: 64", "d_model: ${oc.env:HOME}")), HasSubstr("expected a value"));
  EXPECT_THAT(config_error(with("d_model: 64", "d_model: ${")), HasSubstr("encoder.d_model"));
}

TEST(ConfigParser, AttContexts) {
  const std::string list = "[[56, 3], [56, 0]]";
  EXPECT_EQ(parse(with(list, "[70, 13]")).encoder.att_contexts, (std::vector<AttContext>{{70, 13}}));
  for (const char* bad : {"[]", "[[]]", "[56]", "[56, 3, 1]", "[[56, 3], 5]", "[[56, 3], [a, b]]", "no",
                          "[a, b]", "[[56, null]]", "{left: 56}", "[-1, -1]", "[56, 2]", "[[56, 3], [-1, 3]]",
                          "[99999999999, 0]", "[[[1, 2], 3]]"}) {
    EXPECT_THAT(config_error(with(list, bad)), HasSubstr("att_context_size")) << bad;
  }
}

TEST(ConfigParser, ConvolutionContext) {
  EXPECT_EQ(config_error(with("conv_context_size: causal", "conv_context_size: [8, 0]")), "no error");
  for (const char* bad : {"null", "[4, 4]", "[8]", "[a, b]", "9", "[[8, 0], 0]"}) {
    EXPECT_THAT(config_error(with("conv_context_size: causal", std::string("conv_context_size: ") + bad)),
                AllOf(HasSubstr("encoder.conv_context_size"), HasSubstr("[8, 0]")))
        << bad;
  }
}

TEST(ConfigParser, MaxSymbols) {
  const std::string greedy = "greedy: {max_symbols: 7}";
  EXPECT_EQ(parse(with(greedy, "greedy: {max_symbols_per_step: 5}")).decoding.max_symbols, 5);
  EXPECT_EQ(parse(with(greedy, "greedy: {max_symbols: null, max_symbols_per_step: 5}")).decoding.max_symbols,
            5);
  EXPECT_EQ(parse(with(greedy, "beam: {}")).decoding.max_symbols, 10);
  EXPECT_THAT(config_error(with(greedy, "greedy: {max_symbols: 0}")), HasSubstr("max_symbols"));
}

TEST(ConfigParser, WithoutPrompt) {
  const auto config = parse(with("initialize_prompt_feature: true", "initialize_prompt_feature: false"));
  EXPECT_FALSE(config.has_prompt());
  EXPECT_EQ(config.prompt.hidden, 0);
  EXPECT_FALSE(parse(without("  initialize_prompt_feature: true\n")).has_prompt());
}

// Sizes in samples are truncated as Python's int() does: 0.0249 * 16000 = 398.4.
TEST(ConfigParser, Windows) {
  EXPECT_EQ(parse(with("window_size: 0.025", "window_size: 0.0249")).features.window, 398);
  EXPECT_EQ(parse(with("window_size: 0.025", "n_window_size: 320")).features.window, 320);
  EXPECT_EQ(parse(without("  n_fft: 512\n")).features.fft, 512);
  EXPECT_THAT(config_error(with("window_size: 0.025", "window_size: 1e300")), HasSubstr("window_size"));
  EXPECT_THAT(config_error(with("window_size: 0.025", "window_size: .nan")), HasSubstr("window_size"));
  EXPECT_THAT(config_error(with("window_size: 0.025", "window_size: -1")), HasSubstr("window_size"));
  // Without n_fft it follows from the window; of this one it would be beyond an int.
  std::string huge = with("window_size: 0.025", "n_window_size: 2000000000");
  huge.erase(huge.find("  n_fft: 512\n"), std::string("  n_fft: 512\n").size());
  EXPECT_THAT(config_error(huge), HasSubstr("preprocessor.n_window_size is '2000000000'"));
  EXPECT_THAT(config_error(with("window_size: 0.025", "n_window_size: -5")),
              HasSubstr("n_window_size is '-5'"));
}

struct Refusal {
  const char* from;
  const char* to;
  const char* message;
};

// What NeMo can do and this engine does not; each must be refused by name, never computed differently.
TEST(ConfigParser, RefusesOtherModels) {
  for (const Refusal& r : {
           Refusal{"subsampling: dw_striding", "subsampling: striding",
                   "encoder.subsampling is 'striding' (expected 'dw_striding')"},
           {"causal_downsampling: true", "causal_downsampling: false",
            "encoder.causal_downsampling is 'false' (expected true)"},
           {"self_attention_model: rel_pos", "self_attention_model: abs_pos", "encoder.self_attention_model"},
           {"att_context_style: chunked_limited", "att_context_style: regular", "encoder.att_context_style"},
           {"conv_norm_type: layer_norm", "conv_norm_type: batch_norm", "encoder.conv_norm_type"},
           {"untie_biases: true", "untie_biases: false", "encoder.untie_biases"},
           {"reduction: null", "reduction: striding", "encoder.reduction"},
           {"feat_out: -1", "feat_out: 512", "encoder.feat_out"},
           {"feat_in: 128", "feat_in: 80", "encoder.feat_in is '80' (expected 128 as preprocessor.features)"},
           {"xscaling: false", "global_tokens: 2", "encoder.global_tokens"},
           {"modules.ConformerEncoder", "modules.SqueezeformerEncoder", "expected ConformerEncoder"},
           {"normalize: NA", "normalize: per_feature", "preprocessor.normalize is 'per_feature'"},
           {"normalize: NA", "normalize: {fixed_mean: 1}", "preprocessor.normalize is a mapping"},
           {"window: hann", "window: hamming", "preprocessor.window"},
           {"window: hann", "window: null", "preprocessor.window is null (expected 'hann')"},
           {"dither: 1.0e-05", "preemph: null", "preprocessor.preemph is null (expected 0.97)"},
           {"frame_splicing: 1", "frame_splicing: 3", "preprocessor.frame_splicing"},
           {"dither: 1.0e-05", "preemph: 0", "preprocessor.preemph"},
           {"dither: 1.0e-05", "mag_power: 1.0", "preprocessor.mag_power"},
           {"dither: 1.0e-05", "log: false", "preprocessor.log"},
           {"dither: 1.0e-05", "highfreq: 4000", "preprocessor.highfreq"},
           {"dither: 1.0e-05", "exact_pad: true", "preprocessor.exact_pad"},
           {"n_fft: 512", "n_fft: 256", "window_size in samples is 400 (expected 2 to 256)"},
           {"modules.RNNTDecoder", "modules.StatelessTransducerDecoder", "expected RNNTDecoder"},
           {"normalization_mode: null", "normalization_mode: layer", "decoder.normalization_mode"},
           {"blank_as_pad: true", "blank_as_pad: false", "decoder.blank_as_pad"},
           {"t_max: null", "rnn_hidden_size: 160", "decoder.prednet.rnn_hidden_size"},
           {"activation: relu", "activation: tanh", "joint.jointnet.activation is 'tanh' (expected 'relu')"},
           {"encoder_hidden: 64", "encoder_hidden: 65", "joint.jointnet.encoder_hidden"},
           {"num_classes: 4", "num_classes: 5", "joint.num_classes says 5"},
           {"labels: [a, b, c, d]", "labels: [a, b, c]", "the length of labels says 3"},
           // Beside the ends of an int, before one is taken away or added.
           {"conv_kernel_size: 9", "conv_kernel_size: -2147483648",
            "encoder.conv_kernel_size is '-2147483648'"},
           {"num_classes: 4", "num_classes: 2147483647",
            "joint.num_classes is '2147483647' (expected a number"},
           {"strategy: greedy_batch", "model_type: tdt", "decoding.model_type"},
           {"\nnum_prompts: 128", "\nnum_prompts: 64", "num_prompts is '64'"},
           {"auto: 101", "auto: 128", "'auto' is slot 128"},
           {"auto: 101", "auto: many", "prompt_dictionary.auto is 'many'"},
           {"\nsample_rate: 16000", "", ""},
       }) {
    if (std::string(r.message).empty()) continue;
    EXPECT_THAT(config_error(with(r.from, r.to)), HasSubstr(r.message)) << r.to;
  }
  EXPECT_THAT(config_error(with("sample_rate: 16000", "sample_rate: 8000")),
              HasSubstr("sample_rate is 8000 but preprocessor.sample_rate is 16000"));
}

// NeMo's own default would be another model, or nothing: the key must be there.
TEST(ConfigParser, MissingKeys) {
  for (const char* line :
       {"  normalize: NA\n", "  window_size: 0.025\n", "  features: 128\n", "  n_layers: 3\n",
        "  d_model: 64\n", "  subsampling: dw_striding\n", "  subsampling_factor: 8\n",
        "  causal_downsampling: true\n", "  att_context_size: [[56, 3], [56, 0]]\n",
        "  att_context_style: chunked_limited\n", "  conv_kernel_size: 9\n", "  conv_norm_type: layer_norm\n",
        "  conv_context_size: causal\n", " activation: relu,"}) {
    std::string key(line);
    key = key.substr(key.find_first_not_of(' '));
    key = key.substr(0, key.find(':'));
    EXPECT_THAT(config_error(without(line)),
                AllOf(HasSubstr(key), HasSubstr(key == "causal_downsampling" ? "" : "missing")))
        << line;
  }
  EXPECT_THAT(config_error("a: 1\n"), HasSubstr("no section 'preprocessor'"));
}

// Defaults of NeMo that this engine computes.
TEST(ConfigParser, HarmlessDefaults) {
  for (const char* line : {"  window: hann\n", "  frame_splicing: 1\n", "  self_attention_model: rel_pos\n",
                           "  untie_biases: true\n", "  reduction: null\n", "  blank_as_pad: true\n",
                           "  normalization_mode: null\n", "  feat_out: -1\n", "labels: [a, b, c, d]\n"}) {
    EXPECT_EQ(config_error(without(line)), "no error") << line;
  }
  for (const char* none : {"null", "None", "'NA'", "false"}) {
    EXPECT_EQ(config_error(with("normalize: NA", std::string("normalize: ") + none)), "no error") << none;
  }
  EXPECT_TRUE(parse(without("  use_bias: false\n")).encoder.use_bias);
  EXPECT_TRUE(parse(without("  xscaling: false\n")).encoder.scale_input);
}

TEST(ConfigParser, HostileYaml) {
  for (const std::string& text :
       {std::string(""), std::string("just words"), std::string("[1, 2]"), std::string("a: [1, 2"),
        std::string("a: \x01\x02"), std::string("\xff\xfe\xfa"), std::string("a: *unknown"),
        std::string("? [complex, key]\n: value"), std::string(100'000, '['), std::string(100'000, '{'),
        std::string("&a [*a, *a]"), std::string("--- !!map\n")}) {
    EXPECT_NE(config_error(text), "no error") << text.substr(0, 40);
  }
  // In yaml-cpp a list of numbers takes some hundred times the bytes of its text.
  const std::string numbers(2 << 20, ',');
  EXPECT_THAT(config_error(kYaml + "more: [" + numbers + "]\n"), HasSubstr("(expected at most 2097152)"));
  std::string labels = "more:\n";  // twice as many pieces, thrice, as published models have
  for (int piece = 0; piece < 3 * 26'000; ++piece) labels += fmt::format("- '\u2581{:07}'\n", piece);
  EXPECT_LT(labels.size(), 2u << 20);
  EXPECT_EQ(config_error(kYaml + labels), "no error");
  std::string bomb = "a0: &a0 [x]\n";  // billion laughs
  for (int level = 1; level < 40; ++level) {
    bomb += fmt::format("a{}: &a{} [*a{}, *a{}, *a{}]\n", level, level, level - 1, level - 1, level - 1);
  }
  EXPECT_EQ(config_error(bomb + kYaml), "no error");
  std::string references = with("d_model: 64", "d_model: ${r0.x}");
  for (int level = 0; level < 30; ++level)
    references += fmt::format("r{}: ${{r{}.x.x.x}}\n", level, level + 1);
  EXPECT_THAT(config_error(references), HasSubstr("${"));
}

}  // namespace
}  // namespace glossa::checkpoint
