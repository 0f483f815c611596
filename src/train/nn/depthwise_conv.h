// NeMo's causal depthwise convolution over images with channels last, differentiable.
#pragma once

#include "train/torch.h"

namespace glossa::train {

// x [B, rows, cols, C], weight [C, 1, kernel rows, kernel cols], bias [C] or undefined. Zero padding of
// kernel - 1 before and stride - 1 behind, on both axes: n -> (n + stride - 2) / stride + 1. lengths, int64
// [B] on the CPU: rows from there on count as zero (NeMo's masked convolution); undefined: all count.
torch::Tensor depthwise_conv(const torch::Tensor& x, const torch::Tensor& weight, const torch::Tensor& bias,
                             std::int64_t stride, const torch::Tensor& lengths);

// The same with libtorch's operators, on any device: what depthwise_conv() does where it has no loops.
torch::Tensor depthwise_conv_with_operators(const torch::Tensor& x, const torch::Tensor& weight,
                                            const torch::Tensor& bias, std::int64_t stride,
                                            const torch::Tensor& lengths);

// 1 where the position lies before its sequence's length, else 0: [B, size], on the device of `like`.
torch::Tensor length_mask(const torch::Tensor& lengths, std::int64_t size, const torch::Tensor& like);

}  // namespace glossa::train
