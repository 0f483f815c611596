// Equality of configurations, member by member.
#pragma once

#include <gtest/gtest.h>

#include "model/model_config.h"

namespace glossa::testing {

inline void expect_same_config(const model::ModelConfig& a, const model::ModelConfig& b) {
  EXPECT_EQ(a.features.sample_rate, b.features.sample_rate);
  EXPECT_EQ(a.features.window, b.features.window);
  EXPECT_EQ(a.features.hop, b.features.hop);
  EXPECT_EQ(a.features.fft, b.features.fft);
  EXPECT_EQ(a.features.mels, b.features.mels);
  EXPECT_EQ(a.encoder.layers, b.encoder.layers);
  EXPECT_EQ(a.encoder.d_model, b.encoder.d_model);
  EXPECT_EQ(a.encoder.heads, b.encoder.heads);
  EXPECT_EQ(a.encoder.ff_expansion, b.encoder.ff_expansion);
  EXPECT_EQ(a.encoder.conv_kernel, b.encoder.conv_kernel);
  EXPECT_EQ(a.encoder.subsampling_factor, b.encoder.subsampling_factor);
  EXPECT_EQ(a.encoder.subsampling_channels, b.encoder.subsampling_channels);
  EXPECT_EQ(a.encoder.use_bias, b.encoder.use_bias);
  EXPECT_EQ(a.encoder.scale_input, b.encoder.scale_input);
  EXPECT_EQ(a.encoder.att_contexts, b.encoder.att_contexts);
  EXPECT_EQ(a.prompt.num_prompts, b.prompt.num_prompts);
  EXPECT_EQ(a.prompt.hidden, b.prompt.hidden);
  EXPECT_EQ(a.prompt.dictionary, b.prompt.dictionary);
  EXPECT_EQ(a.predictor.vocabulary, b.predictor.vocabulary);
  EXPECT_EQ(a.predictor.hidden, b.predictor.hidden);
  EXPECT_EQ(a.predictor.layers, b.predictor.layers);
  EXPECT_EQ(a.joint.hidden, b.joint.hidden);
  EXPECT_EQ(a.joint.outputs, b.joint.outputs);
  EXPECT_EQ(a.decoding.max_symbols, b.decoding.max_symbols);
}

}  // namespace glossa::testing
