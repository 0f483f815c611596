#include "engine/subsampling.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "model/tensor_spec.h"

namespace glossa::engine {
namespace {

using backend::Matrix;

// The frames that a stage can make now: all whose three input frames are known, or padded at the end.
std::int64_t outputs_after(std::int64_t inputs, bool finish) {
  if (finish) return inputs / 2 + 1;
  return inputs > 0 ? (inputs - 1) / 2 + 1 : 0;
}

// Moves a stage's past forward after it made its outputs.
void keep_last_frames(ConvImageCache& cache, Matrix<const float> joined, std::int64_t inputs, std::int64_t outputs) {
  cache.inputs = inputs;
  cache.outputs = outputs;
  cache.kept = std::min(joined.rows, std::max<std::int64_t>(0, inputs - (2 * outputs - 2)));
  const float* first = joined.data + (joined.rows - cache.kept) * joined.cols;
  cache.frames.assign(first, first + cache.kept * joined.cols);
}

}  // namespace

Subsampling::Subsampling(const backend::Backend& backend, const model::ModelConfig& config, WeightStore& store)
    : backend_(backend),
      channels_(config.encoder.subsampling_channels),
      mels_(config.features.mels),
      scale_(config.encoder.scale_input ? std::sqrt(static_cast<float>(config.encoder.d_model)) : 1.0f) {
  const std::string prefix = "encoder.pre_encode.";
  std::int64_t bins = mels_;
  for (int stage_index = 0; stage_index < model::stride_2_layers(config.encoder); ++stage_index) {
    // Positions in NeMo's nn.Sequential: 0 conv, 1 ReLU, then 2 depthwise, 3 pointwise, 4 ReLU, and so on.
    const int position = stage_index == 0 ? 0 : 3 * stage_index - 1;
    Stage stage;
    stage.bins = bins;
    stage.conv.taps = bind_transposed(store, fmt::format("{}conv.{}.weight", prefix, position));
    stage.conv.bias = store.vector(fmt::format("{}conv.{}.bias", prefix, position));
    stage.conv.channels = channels_;
    stage.conv.depthwise = stage_index > 0;
    stage.conv.activation = stage_index == 0 ? backend::Activation::kRelu : backend::Activation::kNone;
    if (stage_index > 0) stage.pointwise = bind_linear(store, backend, fmt::format("{}conv.{}", prefix, position + 1));
    stages_.push_back(std::move(stage));
    bins = bins / 2 + 1;
  }
  out_ = bind_linear(store, backend, prefix + "out");
}

Matrix<float> Subsampling::step(std::span<const SubsamplingInput> inputs, SubsamplingWorkspace& workspace,
                                std::vector<std::int64_t>& counts, backend::Buffer& output) const {
  std::vector<SubsamplingCache> windows(inputs.size(), SubsamplingCache(stages_.size()));
  counts.clear();
  for (const SubsamplingInput& input : inputs) counts.push_back(input.mels.rows);

  Matrix<const float> image;  // all streams' frames of the stage before
  for (std::size_t stage_index = 0; stage_index < stages_.size(); ++stage_index) {
    const Stage& stage = stages_[stage_index];
    const std::int64_t in_width = stage.bins * (stage.conv.depthwise ? channels_ : 1);
    const std::int64_t out_bins = stage.bins / 2 + 1;
    std::vector<std::int64_t> out_counts;
    std::vector<ConvImageCache*> caches;
    for (std::size_t index = 0; index < inputs.size(); ++index) {
      SubsamplingCache& cache = inputs[index].cache != nullptr ? *inputs[index].cache : windows[index];
      caches.push_back(&cache[stage_index]);
      const std::int64_t total = caches.back()->inputs + counts[index];
      out_counts.push_back(outputs_after(total, inputs[index].finish) - caches.back()->outputs);
    }
    std::int64_t out_rows = 0;
    for (const std::int64_t count : out_counts) out_rows += count;

    const Matrix<float> convolved = workspace.convolved.resize(out_rows, out_bins * channels_);
    std::int64_t first_in = 0;
    std::int64_t first_out = 0;
    for (std::size_t index = 0; index < inputs.size(); ++index) {
      ConvImageCache& cache = *caches[index];
      const Matrix<const float> fresh =
          stage_index == 0 ? inputs[index].mels : image.rows_from(first_in, counts[index]);
      const Matrix<float> joined = workspace.joined.resize(cache.kept + counts[index], in_width);
      std::copy(cache.frames.begin(), cache.frames.end(), joined.data);
      for (std::int64_t row = 0; row < fresh.rows; ++row) {
        std::copy_n(fresh.row(row), in_width, joined.row(cache.kept + row));
      }
      const std::int64_t total = cache.inputs + counts[index];
      backend_.strided_conv(joined, cache.inputs - cache.kept, total, stage.bins, stage.conv, cache.outputs,
                            convolved.rows_from(first_out, out_counts[index]));
      keep_last_frames(cache, joined, total, cache.outputs + out_counts[index]);
      first_in += counts[index];
      first_out += out_counts[index];
    }
    counts = out_counts;
    if (!stage.conv.depthwise) {
      std::swap(workspace.image, workspace.convolved);
      image = workspace.image.view();
      continue;
    }
    const Matrix<float> mixed = workspace.image.resize(out_rows, out_bins * channels_);
    const std::int64_t positions = out_rows * out_bins;  // a pointwise convolution is a linear layer per position
    backend_.linear({convolved.data, positions, channels_, channels_}, *stage.pointwise.weight,
                    {.bias = stage.pointwise.bias, .activation = backend::Activation::kRelu},
                    {mixed.data, positions, channels_, channels_});
    image = mixed;
  }

  // Channels-last images to NeMo's flattening: channel major, frequency minor. Dropped frames are left out here.
  const std::int64_t bins = image.cols / channels_;
  std::int64_t rows = 0;
  for (std::size_t index = 0; index < inputs.size(); ++index) {
    rows += std::max<std::int64_t>(0, counts[index] - inputs[index].drop_frames);
  }
  const Matrix<float> flat = workspace.flat.resize(rows, image.cols);
  std::int64_t source = 0;
  std::int64_t target = 0;
  for (std::size_t index = 0; index < inputs.size(); ++index) {
    const std::int64_t dropped = std::min(counts[index], inputs[index].drop_frames);
    for (std::int64_t row = dropped; row < counts[index]; ++row, ++target) {
      const float* pixels = image.row(source + row);
      for (std::int64_t bin = 0; bin < bins; ++bin) {
        for (std::int64_t channel = 0; channel < channels_; ++channel) {
          flat.row(target)[channel * bins + bin] = pixels[bin * channels_ + channel];
        }
      }
    }
    source += counts[index];
    counts[index] -= dropped;
  }
  const Matrix<float> frames = output.resize(rows, out_.weight->rows());
  backend_.linear(flat, *out_.weight, {.bias = out_.bias}, frames);
  if (scale_ != 1.0f) {
    for (std::int64_t index = 0; index < frames.rows * frames.cols; ++index) frames.data[index] *= scale_;
  }
  return frames;
}

}  // namespace glossa::engine
