#include "checkpoint/config_writer.h"

#include <gtest/gtest.h>

#include "checkpoint/checkpoint.h"
#include "checkpoint/same_config.h"
#include "support/files.h"
#include "support/golden.h"
#include "support/tiny_model.h"

namespace glossa::checkpoint {
namespace {

// Oracle: the configuration that was read from a checkpoint.
TEST(ConfigWriter, IsReadAsItWas) {
  const testing::TemporaryFolder folder;
  std::vector<std::filesystem::path> models;
  for (const char* name : {"tiny", "tiny-en", "small"}) models.push_back(testing::golden_model_path(name));
  for (std::uint32_t seed = 1; seed <= 12; ++seed)
    models.push_back(testing::write_tiny_model(testing::random_geometry(seed), folder / "models"));
  for (const auto& path : models) {
    SCOPED_TRACE(path);
    const model::ModelConfig config = read_nemo(path)->config();
    const std::string yaml = write_config(config, {.name = "it's", .dither = 1e-5, .pos_emb_max_len = 77});
    const ParsedConfig parsed = parse_config(yaml, "x.yaml");
    testing::expect_same_config(parsed.config, config);
    EXPECT_EQ(parsed.tokenizer_model, "nemo:tokenizer.model");
    const ConfigExtras extras = parse_config_extras(yaml, "x.yaml");
    EXPECT_EQ(extras.name, "it's");
    EXPECT_FLOAT_EQ(static_cast<float>(extras.dither), 1e-5f);
    EXPECT_EQ(extras.pos_emb_max_len, 77);
  }
}

TEST(ConfigWriter, WindowsOfAnyLengthAndRate) {
  model::ModelConfig config = read_nemo(testing::golden_model_path("tiny"))->config();
  for (const int rate : {8000, 11025, 16000, 44100, 48000}) {
    for (int window = 2; window < 400; window += 3) {
      config.features.sample_rate = rate;
      config.features.window = window + 100;
      config.features.hop = window;
      testing::expect_same_config(parse_config(write_config(config, {}), "x.yaml").config, config);
    }
  }
}

TEST(ConfigWriter, UsesNeMosWords) {
  const auto yaml = write_config(read_nemo(testing::golden_model_path("tiny"))->config(), {});
  for (const char* line :
       {"\n  window_size: 0.025\n", "\n  window_stride: 0.01\n", "\n  dither: 1.0e-05\n", "\n    'no': 27\n",
        "\n  att_context_size: [[56, 13], [56, 6], [56, 3], [56, 1], [56, 0]]\n",
        "\ntarget: nemo.collections.asr.models.rnnt_bpe_models_prompt.EncDecRNNTBPEModelWithPrompt\n"}) {
    EXPECT_NE(yaml.find(line), std::string::npos) << line;
  }
}

}  // namespace
}  // namespace glossa::checkpoint
