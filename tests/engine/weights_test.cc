// Weights that are no numbers. Oracle: the specification: no result can be right, so the model is refused.
#include "engine/weights.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cmath>
#include <cstring>
#include <filesystem>
#include <limits>

#include "checkpoint/checkpoint.h"
#include "glossa/recognizer.hpp"
#include "support/message_of.h"
#include "support/tiny_model.h"

namespace glossa::testing {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

class WeightsThatAreNoNumbers : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = fs::temp_directory_path() / ("glossa_weights_" + std::to_string(::getpid()));
    original_ = checkpoint::read_nemo(write_tiny_model({.seed = 3, .use_bias = true}, folder_));
  }
  void TearDown() override { fs::remove_all(folder_); }

  // The error of a model whose tensor has `value` at its end.
  std::string error_of(const std::string& name, float value, WeightFormat format) {
    std::vector<std::vector<std::byte>> storage;
    checkpoint::NemoContents contents = checkpoint::contents_of(*original_, checkpoint::DType::kF32, storage);
    std::vector<float> values;
    for (checkpoint::TensorView& tensor : contents.tensors) {
      if (tensor.name != name) continue;
      values = tensor.to_f32();
      values.back() = value;
      tensor.bytes = std::as_bytes(std::span(values));
    }
    EXPECT_FALSE(values.empty()) << name;
    checkpoint::write_nemo(folder_ / "m.nemo", contents);
    return testing::message_of([&] { Recognizer::load({.model = folder_ / "m.nemo", .weights = format}); });
  }

  fs::path folder_;
  std::shared_ptr<const checkpoint::Checkpoint> original_;
};

TEST_F(WeightsThatAreNoNumbers, AreRefusedInEveryFormat) {
  constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  for (const WeightFormat format : {WeightFormat::kF32, WeightFormat::kInt8}) {
    for (const char* name :
         {"encoder.layers.0.norm_out.weight", "encoder.layers.1.feed_forward1.linear1.bias",
          "encoder.layers.0.conv.depthwise_conv.weight", "encoder.layers.0.self_attn.pos_bias_u",
          "encoder.pre_encode.conv.0.weight", "decoder.prediction.embed.weight",
          "decoder.prediction.dec_rnn.lstm.bias_ih_l0", "encoder.layers.0.feed_forward2.linear2.weight"}) {
      for (const float value : {kNan, -kNan, kInfinity, -kInfinity}) {
        EXPECT_THAT(error_of(name, value, format),
                    HasSubstr(std::string("tensor ") + name + " has the value "))
            << value;
      }
    }
  }
  // The largest number is one.
  EXPECT_EQ(
      error_of("encoder.layers.0.norm_out.weight", std::numeric_limits<float>::max(), WeightFormat::kF32),
      "no error");
}

}  // namespace
}  // namespace glossa::testing
