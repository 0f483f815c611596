// The geometry of a checkpoint. No member has a meaningful default: a geometry that came from nowhere must
// not validate. Everything else (tensor shapes, cache sizes, chunk arithmetic) is computed from it.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "glossa/types.hpp"

namespace glossa::model {

// Log-mel front end (NeMo: AudioToMelSpectrogramPreprocessor with normalize NA).
struct FeatureConfig {
  int sample_rate = 0;  // Hz
  int window = 0;       // samples of the Hann window (window_size seconds)
  int hop = 0;          // samples between frames (window_stride seconds)
  int fft = 0;          // points
  int mels = 0;         // filters
};

// NeMo: ConformerEncoder with dw_striding causal subsampling, rel_pos attention, chunked_limited masks and
// layer_norm in the convolution module.
struct EncoderConfig {
  int layers = 0;
  int d_model = 0;
  int heads = 0;
  int ff_expansion = 0;        // feed-forward width / d_model
  int conv_kernel = 0;         // taps of the depthwise convolution, causal
  int subsampling_factor = 0;  // a power of two: one stride-2 convolution per doubling
  int subsampling_channels = 0;
  bool use_bias = false;                 // Linear and Conv1d of the blocks carry biases (never linear_pos)
  bool scale_input = false;              // xscaling: multiply the subsampled frames by sqrt(d_model)
  std::vector<AttContext> att_contexts;  // the first is the default

  int head_size() const { return d_model / heads; }
  int ff_size() const { return d_model * ff_expansion; }
};

// Language prompt, one-hot of width num_prompts behind each encoder frame. num_prompts is 0 when the
// checkpoint has no prompt kernel (the English sibling).
struct PromptConfig {
  int num_prompts = 0;
  int hidden = 0;                                       // width of the prompt kernel's inner layer
  std::vector<std::pair<std::string, int>> dictionary;  // language -> slot, in file order
};

// NeMo: RNNTDecoder. vocabulary counts the pieces; blank is one more, the last.
struct PredictorConfig {
  int vocabulary = 0;
  int hidden = 0;
  int layers = 0;
  int blank_id() const { return vocabulary; }
};

struct JointConfig {
  int hidden = 0;
  int outputs = 0;  // vocabulary + 1
};

struct DecodingConfig {
  int max_symbols = 0;  // labels per frame at most
};

struct ModelConfig {
  FeatureConfig features;
  EncoderConfig encoder;
  PromptConfig prompt;
  PredictorConfig predictor;
  JointConfig joint;
  DecodingConfig decoding;

  bool has_prompt() const { return prompt.num_prompts > 0; }
};

// Bounds of what a stream may ask for, too.
inline constexpr int kMostContext = 512;   // encoder frames on either side: 41 s
inline constexpr int kMostSymbols = 1000;  // labels per frame

// left is a multiple of right + 1, both from 0 to kMostContext.
bool is_usable(AttContext context);

// Throws Error kBadInput naming `source` and the first member that is missing, absurd or inconsistent. A
// config that passes never makes the arithmetic built on it overflow.
void validate(const ModelConfig& config, const std::string& source);

}  // namespace glossa::model
