#include "model/model_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <limits>

#include "glossa/error.hpp"
#include "model/published_model.h"
#include "support/message_of.h"

namespace glossa::model {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

std::string config_error(const std::function<void(ModelConfig&)>& change) {
  ModelConfig config = testing::published_model();
  change(config);
  return testing::message_of([&] { validate(config, "x.nemo"); }, ErrorCode::kBadInput, "x.nemo");
}

TEST(ModelConfig, ThePublishedModelIsValid) {
  EXPECT_EQ(config_error([](ModelConfig&) {}), "no error");
}

TEST(ModelConfig, AConfigFromNowhereIsNot) { EXPECT_THROW(validate({}, "x.nemo"), Error); }

// No member may stay unset or be absurd: each is set to 0, -1 and the largest int in turn.
TEST(ModelConfig, EveryMemberHasLimits) {
  using Member = std::function<int&(ModelConfig&)>;
  const std::vector<std::pair<const char*, Member>> members = {
      {"sample_rate", [](ModelConfig& c) -> int& { return c.features.sample_rate; }},
      {"window_size", [](ModelConfig& c) -> int& { return c.features.window; }},
      {"window_stride", [](ModelConfig& c) -> int& { return c.features.hop; }},
      {"n_fft", [](ModelConfig& c) -> int& { return c.features.fft; }},
      {"features", [](ModelConfig& c) -> int& { return c.features.mels; }},
      {"n_layers", [](ModelConfig& c) -> int& { return c.encoder.layers; }},
      {"d_model", [](ModelConfig& c) -> int& { return c.encoder.d_model; }},
      {"n_heads", [](ModelConfig& c) -> int& { return c.encoder.heads; }},
      {"ff_expansion_factor", [](ModelConfig& c) -> int& { return c.encoder.ff_expansion; }},
      {"conv_kernel_size", [](ModelConfig& c) -> int& { return c.encoder.conv_kernel; }},
      {"subsampling_factor", [](ModelConfig& c) -> int& { return c.encoder.subsampling_factor; }},
      {"subsampling_conv_channels", [](ModelConfig& c) -> int& { return c.encoder.subsampling_channels; }},
      {"prompt", [](ModelConfig& c) -> int& { return c.prompt.num_prompts; }},
      {"prompt", [](ModelConfig& c) -> int& { return c.prompt.hidden; }},
      {"vocab_size", [](ModelConfig& c) -> int& { return c.predictor.vocabulary; }},
      {"pred_hidden", [](ModelConfig& c) -> int& { return c.predictor.hidden; }},
      {"pred_rnn_layers", [](ModelConfig& c) -> int& { return c.predictor.layers; }},
      {"joint_hidden", [](ModelConfig& c) -> int& { return c.joint.hidden; }},
      {"joint outputs", [](ModelConfig& c) -> int& { return c.joint.outputs; }},
      {"max_symbols", [](ModelConfig& c) -> int& { return c.decoding.max_symbols; }},
  };
  for (const auto& entry : members) {
    for (const int value : {0, -1, std::numeric_limits<int>::max(), std::numeric_limits<int>::min()}) {
      EXPECT_THAT(config_error([&](ModelConfig& c) { entry.second(c) = value; }), HasSubstr(entry.first))
          << value;
    }
  }
}

TEST(ModelConfig, Consistency) {
  EXPECT_THAT(config_error([](ModelConfig& c) { c.encoder.heads = 7; }),
              HasSubstr("divisor of encoder.d_model=1024"));
  EXPECT_THAT(config_error([](ModelConfig& c) { c.encoder.conv_kernel = 8; }), HasSubstr("odd"));
  EXPECT_THAT(config_error([](ModelConfig& c) { c.encoder.subsampling_factor = 6; }),
              HasSubstr("power of two"));
  for (const int fft : {448, 511, 514}) {  // 7 * 64, odd, 2 * 257
    EXPECT_THAT(config_error([&](ModelConfig& c) { c.features.fft = fft; }),
                HasSubstr(std::to_string(fft) + " (expected an even product of 2, 3 and 5)"));
  }
  EXPECT_EQ(config_error([](ModelConfig& c) { c.features.fft = 2 * 3 * 5 * 16; }), "no error");
  EXPECT_THAT(config_error([](ModelConfig& c) { c.features.window = 513; }), HasSubstr("expected 2 to 512"));
  EXPECT_THAT(config_error([](ModelConfig& c) { c.encoder.att_contexts = {}; }),
              HasSubstr("att_context_size"));
  EXPECT_THAT(config_error([](ModelConfig& c) {
                c.encoder.att_contexts.push_back({56, 2});
              }),
              HasSubstr("[56,2]"));
  EXPECT_THAT(config_error([](ModelConfig& c) {
                c.encoder.att_contexts.push_back({0, std::numeric_limits<int>::max()});
              }),
              HasSubstr("att_context_size"));
  EXPECT_THAT(config_error([](ModelConfig& c) {
                c.prompt.dictionary.push_back({"xx", 128});
              }),
              AllOf(HasSubstr("'xx'"), HasSubstr("0 to 127")));
  EXPECT_THAT(config_error([](ModelConfig& c) {
                c.prompt.dictionary.push_back({"en", 1});
              }),
              HasSubstr("'en' occurs twice"));
  EXPECT_THAT(config_error([](ModelConfig& c) { c.prompt.dictionary.clear(); }), HasSubstr("empty"));
  EXPECT_EQ(config_error([](ModelConfig& c) { c.prompt = {}; }), "no error");
}

}  // namespace
}  // namespace glossa::model
