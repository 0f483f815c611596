#include "train/nn/depthwise_conv.h"

#include <array>

#include "train/nn/depthwise_kernels.h"

namespace glossa::train {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::tensor_list;

DepthwiseGeometry geometry_of(const torch::Tensor& x, const torch::Tensor& weight, std::int64_t stride) {
  const auto outputs = [&](std::int64_t size) { return (size + stride - 2) / stride + 1; };
  return {.rows = x.size(1),
          .cols = x.size(2),
          .channels = x.size(3),
          .out_rows = outputs(x.size(1)),
          .out_cols = outputs(x.size(2)),
          .kernel_rows = weight.size(2),
          .kernel_cols = weight.size(3),
          .stride = stride};
}

// [C, 1, rows, cols] -> [rows, cols, C]
torch::Tensor taps_of(const torch::Tensor& weight) {
  return weight.squeeze(1).permute({1, 2, 0}).contiguous();
}

// Work on every row of every image.
template <class Work>
void for_each_row(std::int64_t images, std::int64_t rows, Work work) {
  at::parallel_for(0, images * rows, /*grain_size=*/8, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t index = begin; index < end; ++index) work(index / rows, index % rows);
  });
}

class CpuDepthwiseConv : public torch::autograd::Function<CpuDepthwiseConv> {
 public:
  static torch::Tensor forward(AutogradContext* context, const torch::Tensor& x, const torch::Tensor& weight,
                               const torch::Tensor& bias, std::int64_t stride, const torch::Tensor& lengths) {
    const torch::Tensor input = x.contiguous();
    const torch::Tensor taps = taps_of(weight);
    const DepthwiseGeometry geometry = geometry_of(input, weight, stride);
    const std::int64_t row_size = geometry.out_cols * geometry.channels;
    const std::int64_t image_size = geometry.rows * geometry.cols * geometry.channels;
    torch::Tensor output = torch::empty(
        {input.size(0), geometry.out_rows, geometry.out_cols, geometry.channels}, input.options());
    const float* images = input.data_ptr<float>();
    const float* tap_values = taps.data_ptr<float>();
    const float* bias_values = bias.defined() ? bias.data_ptr<float>() : nullptr;
    const std::int64_t* rows_of = lengths.data_ptr<std::int64_t>();
    float* outputs = output.data_ptr<float>();
    for_each_row(input.size(0), geometry.out_rows, [&](std::int64_t image, std::int64_t row) {
      depthwise_row(geometry, images + image * image_size, rows_of[image], tap_values, bias_values, row,
                    outputs + (image * geometry.out_rows + row) * row_size);
    });
    context->save_for_backward({input, weight, bias, lengths});
    context->saved_data["stride"] = stride;
    return output;
  }

  static tensor_list backward(AutogradContext* context, tensor_list gradients) {
    const auto saved = context->get_saved_variables();
    const torch::Tensor& input = saved[0];
    const torch::Tensor& weight = saved[1];
    const bool has_bias = saved[2].defined();
    const torch::Tensor taps = taps_of(weight);
    const torch::Tensor gradient = gradients[0].contiguous();
    const DepthwiseGeometry geometry = geometry_of(input, weight, context->saved_data["stride"].toInt());
    const std::int64_t image_size = geometry.rows * geometry.cols * geometry.channels;
    const std::int64_t row_size = geometry.cols * geometry.channels;
    const std::int64_t output_size = geometry.out_rows * geometry.out_cols * geometry.channels;
    const std::int64_t* rows_of = saved[3].data_ptr<std::int64_t>();
    const float* output_gradients = gradient.data_ptr<float>();

    torch::Tensor input_gradient = torch::empty_like(input);
    float* input_gradients = input_gradient.data_ptr<float>();
    const float* tap_values = taps.data_ptr<float>();
    for_each_row(input.size(0), geometry.rows, [&](std::int64_t image, std::int64_t row) {
      float* target = input_gradients + (image * geometry.rows + row) * row_size;
      if (row < rows_of[image])
        depthwise_input_gradient(geometry, output_gradients + image * output_size, tap_values, row, target);
      else
        std::fill_n(target, row_size, 0.0f);
    });

    // Channels are shared out, not images: the order of the sums does not depend on the number of threads.
    const auto f64 = torch::TensorOptions(torch::kDouble);
    torch::Tensor tap_gradient = torch::zeros(taps.sizes(), f64);
    torch::Tensor bias_gradient = torch::zeros({has_bias ? geometry.channels : 0}, f64);
    double* tap_sums = tap_gradient.data_ptr<double>();
    double* bias_sums = has_bias ? bias_gradient.data_ptr<double>() : nullptr;
    constexpr std::int64_t kShare = 16;  // a cache line
    at::parallel_for(0, (geometry.channels + kShare - 1) / kShare, /*grain_size=*/1,
                     [&](std::int64_t begin, std::int64_t end) {
                       const std::int64_t last = std::min(end * kShare, geometry.channels);
                       for (std::int64_t image = 0; image < input.size(0); ++image) {
                         depthwise_tap_gradient(geometry, input.data_ptr<float>() + image * image_size,
                                                rows_of[image], output_gradients + image * output_size,
                                                begin * kShare, last, tap_sums, bias_sums);
                       }
                     });
    return {input_gradient, tap_gradient.permute({2, 0, 1}).unsqueeze(1).to(torch::kFloat),
            has_bias ? bias_gradient.to(torch::kFloat) : torch::Tensor(), torch::Tensor(), torch::Tensor()};
  }
};

// While it lives, libtorch convolves with its own kernels. cuDNN makes a plan for each new shape, and every
// batch has a new one: 0.7 s a step on an H100.
class WithoutCudnn {
 public:
  WithoutCudnn() : was_enabled_(at::globalContext().userEnabledCuDNN()) {
    at::globalContext().setUserEnabledCuDNN(false);
  }
  ~WithoutCudnn() { at::globalContext().setUserEnabledCuDNN(was_enabled_); }
  WithoutCudnn(const WithoutCudnn&) = delete;
  WithoutCudnn& operator=(const WithoutCudnn&) = delete;

 private:
  bool was_enabled_;
};

// image [B, C, rows, cols], padded, weight [C, 1, rows, cols].
class OperatorDepthwiseConv : public torch::autograd::Function<OperatorDepthwiseConv> {
 public:
  static torch::Tensor forward(AutogradContext* context, const torch::Tensor& image,
                               const torch::Tensor& weight, const torch::Tensor& bias, std::int64_t stride) {
    const WithoutCudnn own_kernels;
    const c10::impl::ExcludeDispatchKeyGuard no_autocast(c10::autocast_dispatch_keyset);
    context->save_for_backward({image, weight});
    context->saved_data["stride"] = stride;
    return at::convolution(image, weight, bias, {stride, stride}, kNone, kOne, /*transposed=*/false, kNone,
                           /*groups=*/weight.size(0));
  }

  static tensor_list backward(AutogradContext* context, tensor_list gradients) {
    const WithoutCudnn own_kernels;
    const auto saved = context->get_saved_variables();
    const std::int64_t stride = context->saved_data["stride"].toInt();
    const std::array<std::int64_t, 1> channels = {saved[1].size(0)};
    const auto [image, weight, bias] =
        at::convolution_backward(gradients[0], saved[0], saved[1], channels, {stride, stride}, kNone, kOne,
                                 /*transposed=*/false, kNone, /*groups=*/channels[0],
                                 {context->needs_input_grad(0), context->needs_input_grad(1), true});
    return {image, weight, bias, torch::Tensor()};
  }

 private:
  static constexpr std::array<std::int64_t, 2> kNone = {0, 0};
  static constexpr std::array<std::int64_t, 2> kOne = {1, 1};
};

}  // namespace

torch::Tensor depthwise_conv(const torch::Tensor& x, const torch::Tensor& weight, const torch::Tensor& bias,
                             std::int64_t stride, const torch::Tensor& lengths) {
  if (x.device().is_cpu()) {
    // A Function takes no undefined tensors.
    const torch::Tensor all = torch::full({x.size(0)}, x.size(1), torch::kLong);
    return CpuDepthwiseConv::apply(x.to(torch::kFloat), weight,
                                   bias.defined() ? bias : torch::zeros({x.size(3)}), stride,
                                   lengths.defined() ? lengths : all);
  }
  return depthwise_conv_with_operators(x, weight, bias, stride, lengths);
}

torch::Tensor depthwise_conv_with_operators(const torch::Tensor& x, const torch::Tensor& weight,
                                            const torch::Tensor& bias, std::int64_t stride,
                                            const torch::Tensor& lengths) {
  torch::Tensor image = x.to(torch::kFloat);
  if (lengths.defined())
    image = image * length_mask(lengths, x.size(1), image).view({x.size(0), x.size(1), 1, 1});
  image = torch::constant_pad_nd(image.permute({0, 3, 1, 2}),
                                 {weight.size(3) - 1, stride - 1, weight.size(2) - 1, stride - 1});
  return OperatorDepthwiseConv::apply(
             image, weight, bias.defined() ? bias : torch::zeros({weight.size(0)}, weight.options()), stride)
      .permute({0, 2, 3, 1});
}

torch::Tensor length_mask(const torch::Tensor& lengths, std::int64_t size, const torch::Tensor& like) {
  const torch::Tensor positions = torch::arange(size, torch::kLong);
  return (positions.unsqueeze(0) < lengths.unsqueeze(1)).to(like.options());
}

}  // namespace glossa::train
