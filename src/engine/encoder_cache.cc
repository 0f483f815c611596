#include "engine/encoder_cache.h"

#include <algorithm>
#include <utility>

#include "model/tensor_spec.h"

namespace glossa::engine {

EncoderCache::EncoderCache(const model::EncoderConfig& config, AttContext context,
                           std::shared_ptr<const RelativePositions> positions)
    : context_(context),
      positions_(std::move(positions)),
      d_model_(config.d_model),
      tail_frames_(config.conv_kernel - 1),
      keys_(static_cast<std::size_t>(config.layers)),
      values_(static_cast<std::size_t>(config.layers)),
      conv_tails_(static_cast<std::size_t>(config.layers * tail_frames_ * d_model_), 0.0f),
      subsampling_(static_cast<std::size_t>(model::stride_2_layers(config))) {}

void EncoderCache::begin(std::int64_t frames) {
  step_frames_ = frames;
  if (begin_ + length_ + frames <= capacity_) return;
  // The rows move to the front once per kSlack frames instead of at every step.
  constexpr std::int64_t kSlack = 16;
  const std::int64_t needed = std::max<std::int64_t>(length_, context_.left) + std::max(frames, kSlack);
  const auto keep_past = [&](std::vector<float>& buffer) {
    const auto past = buffer.begin() + begin_ * d_model_;
    if (needed <= capacity_) {
      std::copy(past, past + length_ * d_model_, buffer.begin());
    } else {
      std::vector<float> larger(static_cast<std::size_t>(needed * d_model_));
      std::copy(past, past + length_ * d_model_, larger.begin());
      buffer = std::move(larger);
    }
  };
  for (std::vector<float>& buffer : keys_) keep_past(buffer);
  for (std::vector<float>& buffer : values_) keep_past(buffer);
  capacity_ = std::max(capacity_, needed);
  begin_ = 0;
}

void EncoderCache::end() {
  length_ += step_frames_;
  step_frames_ = 0;
  const std::int64_t forgotten = std::max<std::int64_t>(0, length_ - context_.left);
  begin_ += forgotten;
  length_ -= forgotten;
}

backend::Matrix<float> EncoderCache::conv_tail(int layer) {
  return {conv_tails_.data() + layer * tail_frames_ * d_model_, tail_frames_, d_model_, d_model_};
}

}  // namespace glossa::engine
