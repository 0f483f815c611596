#include "engine/subsampling.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "model/tensor_spec.h"

namespace glossa::engine {
namespace {

using backend::Matrix;

// Mel frames that go through the convolutions at once: their images are wide, so long inputs pass in slices.
constexpr std::int64_t kSliceMels = 32;

// The frames that a stage can make now: all whose three input frames are known, or padded at the end.
std::int64_t outputs_after(std::int64_t inputs, bool finish) {
  if (finish) return inputs / 2 + 1;
  return inputs > 0 ? (inputs - 1) / 2 + 1 : 0;
}

// Room for a stage's input frames, the kept ones already there.
Matrix<float> join(const ConvImageCache& past, std::int64_t new_frames, std::int64_t width,
                   backend::Buffer& buffer) {
  const Matrix<float> joined = buffer.resize(past.kept + new_frames, width);
  std::copy(past.frames.begin(), past.frames.end(), joined.data);
  return joined;
}

// Moves a stage's past forward after it made its outputs.
void keep_last_frames(ConvImageCache& cache, Matrix<const float> joined, std::int64_t inputs,
                      std::int64_t outputs) {
  cache.inputs = inputs;
  cache.outputs = outputs;
  cache.kept = std::min(joined.rows, std::max<std::int64_t>(0, inputs - (2 * outputs - 2)));
  const float* first = joined.data + (joined.rows - cache.kept) * joined.cols;
  cache.frames.assign(first, first + cache.kept * joined.cols);
}

}  // namespace

Subsampling::Subsampling(const backend::Backend& backend, const model::ModelConfig& config,
                         WeightStore& store)
    : backend_(backend),
      channels_(config.encoder.subsampling_channels),
      scale_(config.encoder.scale_input ? std::sqrt(static_cast<float>(config.encoder.d_model)) : 1.0f) {
  const std::string prefix = "encoder.pre_encode.";
  std::int64_t bins = config.features.mels;
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
    if (stage_index > 0)
      stage.pointwise =
          store.linear(fmt::format("{}conv.{}", prefix, position + 1), Precision::kF32, nullptr);
    stages_.push_back(std::move(stage));
    bins = bins / 2 + 1;
  }
  out_ = store.linear(prefix + "out", Precision::kAtLeast8Bits, nullptr);
}

Matrix<float> Subsampling::step(std::span<const SubsamplingInput> inputs, SubsamplingWorkspace& workspace,
                                std::vector<std::int64_t>& counts, backend::Buffer& output) const {
  const std::int64_t width = out_.weight->cols();
  counts.clear();
  workspace.flat.clear();
  for (const SubsamplingInput& input : inputs) {
    SubsamplingCache window(stages_.size());
    SubsamplingCache& cache = input.cache != nullptr ? *input.cache : window;
    std::int64_t made = 0;
    std::int64_t first = 0;
    do {
      const std::int64_t mels = std::min(kSliceMels, input.mels.rows - first);
      const bool finish = input.finish && first + mels == input.mels.rows;
      const Matrix<const float> image = convolve(input.mels.rows_from(first, mels), finish, cache, workspace);
      for (std::int64_t row = 0; row < image.rows; ++row, ++made) {
        if (made < input.drop_frames) continue;
        workspace.flat.resize(workspace.flat.size() + static_cast<std::size_t>(width));
        flatten(image.row(row), workspace.flat.data() + workspace.flat.size() - width);
      }
      first += mels;
    } while (first < input.mels.rows);
    counts.push_back(std::max<std::int64_t>(0, made - input.drop_frames));
  }
  const std::int64_t rows = static_cast<std::int64_t>(workspace.flat.size()) / width;
  const Matrix<float> frames = output.resize(rows, out_.weight->rows());
  backend_.linear({workspace.flat.data(), rows, width, width}, *out_.weight, {.bias = out_.bias}, frames);
  if (scale_ != 1.0f) {
    for (std::int64_t index = 0; index < frames.rows * frames.cols; ++index) frames.data[index] *= scale_;
  }
  return frames;
}

Matrix<const float> Subsampling::convolve(Matrix<const float> mels, bool finish, SubsamplingCache& cache,
                                          SubsamplingWorkspace& workspace) const {
  // Every stage writes behind the frames that the next one has kept.
  workspace.inputs.resize(stages_.size());
  Matrix<float> input = join(cache.front(), mels.rows, mels.cols, workspace.inputs.front());
  for (std::int64_t row = 0; row < mels.rows; ++row) {
    std::copy_n(mels.row(row), mels.cols, input.row(cache.front().kept + row));
  }
  std::int64_t new_frames = mels.rows;
  Matrix<float> image;
  for (std::size_t index = 0; index < stages_.size(); ++index) {
    const Stage& stage = stages_[index];
    ConvImageCache& past = cache[index];
    const bool last = index + 1 == stages_.size();
    const std::int64_t total_in = past.inputs + new_frames;
    const std::int64_t total_out = outputs_after(total_in, finish);
    const std::int64_t out_bins = stage.bins / 2 + 1;
    const std::int64_t width = out_bins * channels_;
    new_frames = total_out - past.outputs;
    Matrix<float> next;
    if (last) {
      image = workspace.image.resize(new_frames, width);
    } else {
      next = join(cache[index + 1], new_frames, width, workspace.inputs[index + 1]);
      image = next.rows_from(cache[index + 1].kept, new_frames);
    }
    const Matrix<float> convolved =
        stage.conv.depthwise ? workspace.convolved.resize(new_frames, width) : image;
    backend_.strided_conv(input, past.inputs - past.kept, total_in, stage.bins, stage.conv, past.outputs,
                          convolved);
    keep_last_frames(past, input, total_in, total_out);
    if (stage.conv.depthwise) {
      // A pointwise convolution is a linear layer per position.
      const std::int64_t positions = new_frames * out_bins;
      backend_.linear({convolved.data, positions, channels_, channels_}, *stage.pointwise.weight,
                      {.bias = stage.pointwise.bias, .activation = backend::Activation::kRelu},
                      {image.data, positions, channels_, channels_});
    }
    input = next;
  }
  return image;
}

// From channels last to NeMo's flattening: channel major, frequency minor.
void Subsampling::flatten(const float* pixels, float* flat) const {
  const std::int64_t bins = out_.weight->cols() / channels_;
  for (std::int64_t channel = 0; channel < channels_; ++channel) {
    for (std::int64_t bin = 0; bin < bins; ++bin) *flat++ = pixels[bin * channels_ + channel];
  }
}

}  // namespace glossa::engine
