#include "engine/encoder_cache.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "model/tensor_spec.h"

namespace glossa::engine {

EncoderCache::EncoderCache(const model::EncoderConfig& config, AttContext context, CacheFormat format,
                           std::shared_ptr<const RelativePositions> positions)
    : context_(context),
      positions_(std::move(positions)),
      row_layout_{format, config.heads, config.d_model / config.heads},
      rings_(2 * config.layers),
      d_model_(config.d_model),
      tail_frames_(config.conv_kernel - 1),
      conv_tails_(static_cast<std::size_t>(config.layers * tail_frames_ * d_model_), 0.0f),
      subsampling_(static_cast<std::size_t>(model::stride_2_layers(config))) {}

void EncoderCache::begin(std::int64_t frames) {
  step_frames_ = frames;
  if (length_ + frames > capacity_)
    grow(context_.left + std::max<std::int64_t>(frames, context_.chunk_frames()));
}

void EncoderCache::grow(std::int64_t capacity) {
  const std::int64_t ring_bytes = row_layout_.bytes(capacity);
  std::vector<std::byte> larger(static_cast<std::size_t>(rings_ * ring_bytes));
  for (std::int64_t index = 0; index < rings_; ++index) {
    const backend::RowRing old = ring(index);
    const backend::RowRing copy{row_layout_, larger.data() + index * ring_bytes, capacity, 0, length_};
    for (std::int64_t head = 0; head < row_layout_.heads; ++head) {
      for (std::int64_t row = 0; row < length_; ++row) {
        std::memcpy(copy.head(row, head), old.head(row, head),
                    static_cast<std::size_t>(row_layout_.head_bytes()));
        if (row_layout_.format == CacheFormat::kInt8) *copy.scale(row, head) = *old.scale(row, head);
      }
    }
  }
  rows_ = std::move(larger);
  capacity_ = capacity;
  begin_ = 0;
}

void EncoderCache::end() {
  if (tail_frames_ > 0) oldest_tail_ = (oldest_tail_ + std::min(tail_frames_, step_frames_)) % tail_frames_;
  length_ += step_frames_;
  step_frames_ = 0;
  const std::int64_t forgotten = std::max<std::int64_t>(0, length_ - context_.left);
  if (capacity_ > 0) begin_ = (begin_ + forgotten) % capacity_;
  length_ -= forgotten;
}

backend::Matrix<float> EncoderCache::conv_tail(int layer) {
  return {conv_tails_.data() + layer * tail_frames_ * d_model_, tail_frames_, d_model_, d_model_};
}

}  // namespace glossa::engine
