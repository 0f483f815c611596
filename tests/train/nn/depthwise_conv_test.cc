// The depthwise convolution of other devices. Oracle: the loops of the CPU, which agree with NeMo
// (asr_model_test.cc).
#include "train/nn/depthwise_conv.h"

#include <gtest/gtest.h>

namespace glossa::testing {
namespace {

using torch::Tensor;

struct Case {
  std::int64_t stride, cols, kernel_rows, kernel_cols;
  bool lengths, bias;
};

TEST(DepthwiseConv, OperatorsGiveWhatTheLoopsGive) {
  for (const Case& c :
       {Case{1, 1, 9, 1, false, true}, Case{2, 8, 3, 3, true, true}, Case{2, 7, 3, 3, true, false}}) {
    SCOPED_TRACE(::testing::Message() << "stride " << c.stride << ", " << c.cols << " columns");
    torch::manual_seed(c.cols);
    const std::vector<Tensor> inputs = {torch::randn({3, 20, c.cols, 16}),
                                        torch::randn({16, 1, c.kernel_rows, c.kernel_cols}),
                                        torch::randn({16})};
    const Tensor lengths = c.lengths ? torch::tensor({20, 7, 13}, torch::kLong) : Tensor();
    Tensor output_gradient;
    const auto run = [&](const auto& convolve) {
      std::vector<Tensor> own;
      for (const Tensor& input : inputs) own.push_back(input.clone().requires_grad_());
      const Tensor output = convolve(own[0], own[1], c.bias ? own[2] : Tensor(), c.stride, lengths);
      if (!output_gradient.defined()) output_gradient = torch::randn(output.sizes());
      output.backward(output_gradient);
      std::vector<Tensor> results = {output.detach(), own[0].grad(), own[1].grad()};
      if (c.bias) results.push_back(own[2].grad());
      return results;
    };
    const std::vector<Tensor> loops = run(train::depthwise_conv);
    const std::vector<Tensor> operators = run(train::depthwise_conv_with_operators);
    for (std::size_t at = 0; at < loops.size(); ++at)
      EXPECT_TRUE(torch::allclose(loops[at], operators[at], 1e-5, 1e-4)) << at;
  }
}

}  // namespace
}  // namespace glossa::testing
