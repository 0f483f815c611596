// Random checkpoints of any geometry, written as .nemo: what tests run on that no golden covers.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "model/model_config.h"

namespace glossa::testing {

struct TinyModelOptions {
  std::uint32_t seed = 1;
  int layers = 2;
  int d_model = 32;
  int heads = 4;
  int mels = 32;
  int channels = 8;
  int conv_kernel = 5;
  int subsampling_factor = 8;
  bool use_bias = false;
  bool scale_input = false;
  int num_prompts = 16;  // 0: no prompt kernel
  int predictor_hidden = 24;
  int predictor_layers = 1;
  int joint_hidden = 24;
  std::string tokenizer = "tok256";  // folder of golden/tokenizers
  double blank_bias = 2.0;           // of the joint's blank output: steers how often labels are emitted
};

// A geometry drawn from `seed`: every member but the tokenizer varies.
TinyModelOptions random_geometry(std::uint32_t seed);

// Writes a checkpoint with normally distributed weights into `folder` and returns its path.
std::filesystem::path write_tiny_model(const TinyModelOptions& options, const std::filesystem::path& folder);

}  // namespace glossa::testing
