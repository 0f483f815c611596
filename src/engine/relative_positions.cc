#include "engine/relative_positions.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace glossa::engine {
namespace {

void encode_position(std::int64_t position, int d_model, float* row) {
  for (int pair = 0; pair < d_model; pair += 2) {
    // The products are rounded to f32 as in NeMo's table.
    const float frequency =
        std::exp(static_cast<float>(pair) * static_cast<float>(-(std::log(10000.0) / d_model)));
    const float angle = static_cast<float>(position) * frequency;
    row[pair] = std::sin(angle);
    if (pair + 1 < d_model) row[pair + 1] = std::cos(angle);
  }
}

}  // namespace

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
    encode_position(wider->max_offset - row, d_model_, rows.row(row));
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
