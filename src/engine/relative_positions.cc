#include "engine/relative_positions.h"

#include <algorithm>
#include <utility>

#include "model/position_encoding.h"

namespace glossa::engine {

RelativePositionTable::RelativePositionTable(const backend::Backend& backend, int d_model, int heads,
                                             std::vector<const backend::PackedWeight*> weights)
    : backend_(backend), d_model_(d_model), heads_(heads), weights_(std::move(weights)) {}

std::shared_ptr<const RelativePositions> RelativePositionTable::covering(AttContext context) const {
  std::shared_ptr<const RelativePositions> before;
  {
    const std::lock_guard lock(mutex_);
    if (current_ != nullptr && current_->covers(context)) return current_;
    before = current_;
  }
  // Other streams start while this is computed; should two grow the table at once, the later one stays.
  auto wider = std::make_shared<RelativePositions>();
  wider->max_offset = std::max<std::int64_t>(context.left + context.right, before ? before->max_offset : 0);
  wider->min_offset = std::min<std::int64_t>(-context.right, before ? before->min_offset : 0);
  backend::Buffer encodings(wider->max_offset - wider->min_offset + 1, d_model_);
  const backend::Matrix<float> rows = encodings.view();
  for (std::int64_t row = 0; row < rows.rows; ++row)
    model::encode_position(wider->max_offset - row, d_model_, rows.row(row));
  backend::Buffer keys;
  for (const backend::PackedWeight* weight : weights_) {
    const backend::Matrix<float> projected = keys.resize(rows.rows, d_model_);
    backend_.linear(rows, *weight, {}, projected);
    const std::int64_t size = d_model_ / heads_;
    const backend::Matrix<float> layer = wider->layers.emplace_back().resize(heads_, rows.rows * size);
    for (std::int64_t head = 0; head < heads_; ++head) {
      for (std::int64_t row = 0; row < rows.rows; ++row) {
        std::copy_n(projected.row(row) + head * size, size, layer.row(head) + row * size);
      }
    }
  }
  const std::lock_guard lock(mutex_);
  current_ = wider;
  return wider;
}

}  // namespace glossa::engine
