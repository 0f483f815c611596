// The geometry of nvidia/nemotron-3.5-asr-streaming-0.6b, as its model card and module print-out give it.
#pragma once

#include "model/model_config.h"

namespace glossa::testing {

inline model::ModelConfig published_model() {
  model::ModelConfig config;
  config.features = {.sample_rate = 16000, .window = 400, .hop = 160, .fft = 512, .mels = 128};
  config.encoder = {.layers = 24,
                    .d_model = 1024,
                    .heads = 8,
                    .ff_expansion = 4,
                    .conv_kernel = 9,
                    .subsampling_factor = 8,
                    .subsampling_channels = 256,
                    .use_bias = false,
                    .scale_input = false,
                    .att_contexts = {{56, 3}, {56, 0}, {56, 6}, {56, 13}}};
  config.prompt = {.num_prompts = 128,
                   .hidden = 2048,
                   .dictionary = {{"en-US", 0},
                                  {"en", 0},
                                  {"enGB", 1},
                                  {"en-GB", 1},
                                  {"es-US", 3},
                                  {"es", 3},
                                  {"ja-JP", 10},
                                  {"pt-BR", 12},
                                  {"pt-PT", 13},
                                  {"pt", 13},
                                  {"de-DE", 9},
                                  {"de", 9},
                                  {"el-GR", 21},
                                  {"el", 21},
                                  {"no-NO", 27},
                                  {"no", 27},
                                  {"auto", 101}}};
  config.predictor = {.vocabulary = 13087, .hidden = 640, .layers = 2};
  config.joint = {.hidden = 640, .outputs = 13088};
  config.decoding = {.max_symbols = 10};
  return config;
}

}  // namespace glossa::testing
