#include "model/model_config.h"

#include <bit>
#include <set>
#include <string_view>

#include "base/fail.h"
#include "base/printable.h"
#include "model/tensor_spec.h"

namespace glossa::model {
namespace {

// Far above any published model, low enough that every product of members fits: the largest tensor has fewer
// than 2^40 elements, ff_size() and 4 * hidden fit an int.
constexpr int kMostRate = 384'000;
constexpr int kMostPoints = 65'536;
constexpr int kMostMels = 1'024;
constexpr int kMostLayers = 512;
constexpr int kMostWidth = 16'384;
constexpr int kMostExpansion = 64;
constexpr int kMostTaps = 1'023;
constexpr int kMostFactor = 64;
constexpr int kMostPieces = 4'000'000;
constexpr std::size_t kMostContexts = 256;

class Check {
 public:
  explicit Check(const std::string& source) : source_(source) {}

  void range(std::string_view member, int value, int least, int most) const {
    if (value < least || value > most) {
      fail_bad_input("{}: {} is {} (expected {} to {})", source_, member, value, least, most);
    }
  }
  void that(bool holds, std::string_view member, int value, std::string_view expected) const {
    if (!holds) fail_bad_input("{}: {} is {} (expected {})", source_, member, value, expected);
  }

 private:
  const std::string& source_;
};

void validate_features(const FeatureConfig& features, const Check& check) {
  check.range("preprocessor.sample_rate", features.sample_rate, 1'000, kMostRate);
  check.range("preprocessor.n_fft", features.fft, 2, kMostPoints);
  int rest = features.fft % 2 == 0 ? features.fft / 2 : 0;
  for (const int factor : {2, 3, 5}) {
    while (rest > 1 && rest % factor == 0) rest /= factor;
  }
  // Other factors would make kissfft use a scratch buffer that threads share.
  check.that(rest == 1, "preprocessor.n_fft", features.fft, "an even product of 2, 3 and 5");
  check.range("preprocessor.window_size in samples", features.window, 2, features.fft);
  check.range("preprocessor.window_stride in samples", features.hop, 1, features.window);
  check.range("preprocessor.features", features.mels, 1, kMostMels);
}

void validate_encoder(const EncoderConfig& encoder, const std::string& source, const Check& check) {
  check.range("encoder.n_layers", encoder.layers, 1, kMostLayers);
  check.range("encoder.d_model", encoder.d_model, 2, kMostWidth);
  check.that(encoder.d_model % 2 == 0, "encoder.d_model", encoder.d_model,
             "an even number: sines and cosines of positions");
  check.range("encoder.n_heads", encoder.heads, 1, encoder.d_model);
  check.that(encoder.d_model % encoder.heads == 0, "encoder.n_heads", encoder.heads,
             fmt::format("a divisor of encoder.d_model={}", encoder.d_model));
  check.range("encoder.ff_expansion_factor", encoder.ff_expansion, 1, kMostExpansion);
  check.range("encoder.conv_kernel_size", encoder.conv_kernel, 1, kMostTaps);
  check.that(encoder.conv_kernel % 2 == 1, "encoder.conv_kernel_size", encoder.conv_kernel, "an odd number");
  check.range("encoder.subsampling_factor", encoder.subsampling_factor, 2, kMostFactor);
  check.that(std::has_single_bit(static_cast<unsigned>(encoder.subsampling_factor)),
             "encoder.subsampling_factor", encoder.subsampling_factor, "a power of two");
  check.range("encoder.subsampling_conv_channels", encoder.subsampling_channels, 1, kMostWidth);
  if (encoder.att_contexts.empty() || encoder.att_contexts.size() > kMostContexts) {
    fail_bad_input("{}: encoder.att_context_size has {} pairs (expected 1 to {})", source,
                   encoder.att_contexts.size(), kMostContexts);
  }
  for (const AttContext& context : encoder.att_contexts) {
    if (!is_usable(context)) {
      fail_bad_input(
          "{}: encoder.att_context_size has [{},{}] (expected [left,right] with left a multiple of right + "
          "1, both from "
          "0 to {})",
          source, context.left, context.right, kMostContext);
    }
  }
}

void validate_prompt(const PromptConfig& prompt, const std::string& source, const Check& check) {
  check.range("model_defaults.num_prompts", prompt.num_prompts, 0, kMostWidth);
  if (prompt.num_prompts == 0) {
    check.that(prompt.hidden == 0, "the width of the prompt kernel", prompt.hidden, "0 without prompt");
    if (!prompt.dictionary.empty()) fail_bad_input("{}: a prompt dictionary without prompt slots", source);
    return;
  }
  check.range("the width of the prompt kernel", prompt.hidden, 1, 2 * kMostWidth);
  if (prompt.dictionary.empty()) fail_bad_input("{}: model_defaults.prompt_dictionary is empty", source);
  std::set<std::string_view> seen;
  for (const auto& [language, slot] : prompt.dictionary) {
    if (language.empty()) fail_bad_input("{}: model_defaults.prompt_dictionary has an empty key", source);
    if (slot < 0 || slot >= prompt.num_prompts) {
      fail_bad_input(
          "{}: model_defaults.prompt_dictionary: '{}' is slot {} (expected 0 to {}: num_prompts={})", source,
          printable(language), slot, prompt.num_prompts - 1, prompt.num_prompts);
    }
    if (!seen.insert(language).second) {
      fail_bad_input("{}: model_defaults.prompt_dictionary: '{}' occurs twice", source, printable(language));
    }
  }
}

}  // namespace

bool is_usable(AttContext context) {
  return context.left >= 0 && context.left <= kMostContext && context.right >= 0 &&
         context.right <= kMostContext && context.left % context.chunk_frames() == 0;
}

void validate(const ModelConfig& config, const std::string& source) {
  const Check check(source);
  validate_features(config.features, check);
  validate_encoder(config.encoder, source, check);
  validate_prompt(config.prompt, source, check);
  check.range("decoder.vocab_size", config.predictor.vocabulary, 1, kMostPieces);
  check.range("decoder.prednet.pred_hidden", config.predictor.hidden, 1, kMostWidth);
  check.range("decoder.prednet.pred_rnn_layers", config.predictor.layers, 1, 16);
  check.range("joint.jointnet.joint_hidden", config.joint.hidden, 1, kMostWidth);
  check.that(config.joint.outputs == config.predictor.vocabulary + 1, "the number of joint outputs",
             config.joint.outputs,
             fmt::format("{}: decoder.vocab_size={} and blank", config.predictor.vocabulary + 1,
                         config.predictor.vocabulary));
  check.range("decoding.greedy.max_symbols", config.decoding.max_symbols, 1, kMostSymbols);
}

}  // namespace glossa::model
