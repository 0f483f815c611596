// What the encoder remembers of one stream.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "backend/matrix.h"
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
// it again in every step), and the tail of each depthwise convolution's input. All layers move together: a
// step calls begin(), each layer writes its rows, then the step calls end().
class EncoderCache {
 public:
  EncoderCache(const model::EncoderConfig& config, AttContext context,
               std::shared_ptr<const RelativePositions> positions);

  void begin(std::int64_t frames);
  void end();

  AttContext context() const { return context_; }
  const RelativePositions& positions() const { return *positions_; }
  std::int64_t cached() const { return length_; }  // frames of the past, up to context().left

  // Rows [0, cached()) are the past, rows [cached(), cached() + frames) belong to the step.
  backend::Matrix<float> keys(int layer) { return rows(keys_[static_cast<std::size_t>(layer)]); }
  backend::Matrix<float> values(int layer) { return rows(values_[static_cast<std::size_t>(layer)]); }

  // [conv_kernel - 1, d_model], oldest first; zeros at the start of a stream.
  backend::Matrix<float> conv_tail(int layer);

  SubsamplingCache& subsampling() { return subsampling_; }

 private:
  backend::Matrix<float> rows(std::vector<float>& buffer) {
    return {buffer.data() + begin_ * d_model_, length_ + step_frames_, d_model_, d_model_};
  }

  AttContext context_;
  std::shared_ptr<const RelativePositions> positions_;
  std::int64_t d_model_;
  std::int64_t tail_frames_;
  std::int64_t capacity_ = 0;  // rows of each layer's buffer
  std::int64_t begin_ = 0;     // first valid row
  std::int64_t length_ = 0;    // valid rows of the past
  std::int64_t step_frames_ = 0;
  std::vector<std::vector<float>> keys_;
  std::vector<std::vector<float>> values_;
  std::vector<float> conv_tails_;
  SubsamplingCache subsampling_;
};

}  // namespace glossa::engine
