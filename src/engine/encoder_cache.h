// What the encoder remembers of one stream.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "backend/matrix.h"
#include "backend/row_ring.h"
#include "engine/relative_positions.h"
#include "model/model_config.h"

namespace glossa::engine {

// One stride-2 convolution's past: the input frames that outputs to come will still read.
struct ConvImageCache {
  std::vector<float> frames;  // the kept frames, oldest first
  std::int64_t kept = 0;      // their number: 0, 1 or 2
  std::int64_t inputs = 0;    // input frames seen so far
  std::int64_t outputs = 0;   // output frames made so far
};

using SubsamplingCache = std::vector<ConvImageCache>;  // one per stride-2 layer

// Projected keys and values of the last `left` frames (NeMo caches the attention's input instead and projects
// it again in every step), and the tail of each depthwise convolution's input, in rings. All layers move
// together: a step calls begin(), each layer writes its rows, then the step calls end().
class EncoderCache {
 public:
  // `format` of keys and values: not kAuto.
  EncoderCache(const model::EncoderConfig& config, AttContext context, CacheFormat format,
               std::shared_ptr<const RelativePositions> positions);

  void begin(std::int64_t frames);
  void end();

  AttContext context() const { return context_; }
  const RelativePositions& positions() const { return *positions_; }
  std::int64_t cached() const { return length_; }  // frames of the past, up to context().left

  // Rows [0, cached()) are the past, rows [cached(), cached() + frames) belong to the step.
  backend::RowRing keys(int layer) { return ring(2 * layer); }
  backend::RowRing values(int layer) { return ring(2 * layer + 1); }

  // [conv_kernel - 1, d_model], a ring; zeros at the start of a stream.
  backend::Matrix<float> conv_tail(int layer);
  std::int64_t oldest_tail_row() const { return oldest_tail_; }

  SubsamplingCache& subsampling() { return subsampling_; }

 private:
  backend::RowRing ring(std::int64_t index) {
    return {row_layout_, rows_.data() + index * row_layout_.bytes(capacity_), capacity_, begin_,
            length_ + step_frames_};
  }
  void grow(std::int64_t capacity);

  AttContext context_;
  std::shared_ptr<const RelativePositions> positions_;
  backend::RowLayout row_layout_;
  std::int64_t rings_;  // keys and values of every layer
  std::int64_t d_model_;
  std::int64_t tail_frames_;
  std::int64_t capacity_ = 0;  // rows of each ring
  std::int64_t begin_ = 0;     // the ring's oldest row
  std::int64_t length_ = 0;    // rows of the past
  std::int64_t step_frames_ = 0;
  std::vector<std::byte> rows_;
  std::int64_t oldest_tail_ = 0;
  std::vector<float> conv_tails_;
  SubsamplingCache subsampling_;
};

}  // namespace glossa::engine
