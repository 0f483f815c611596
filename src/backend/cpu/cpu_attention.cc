#include "backend/cpu/cpu_attention.h"

#include <algorithm>
#include <cmath>
#include <vector>

namespace glossa::backend {
namespace {

// Matrices of one head, of the running thread; kept from call to call.
struct HeadScratch {
  std::vector<float> keys;    // [rows, size]
  std::vector<float> values;  // [rows, size]
  std::vector<float> query_u;
  std::vector<float> query_v;
  std::vector<float> scores;           // [frames, keys]
  std::vector<float> position_scores;  // [frames, keys + frames - 1]
};

float* sized(std::vector<float>& buffer, std::int64_t size) {
  if (buffer.size() < static_cast<std::size_t>(size)) buffer.resize(static_cast<std::size_t>(size));
  return buffer.data();
}

class HeadAttention {
 public:
  HeadAttention(const KernelTable& kernels, const AttentionStream& stream, int head, int heads,
                const float* bias_u, const float* bias_v)
      : kernels_(kernels),
        stream_(stream),
        head_(head),
        size_(stream.queries.cols / heads),
        stride_(stream.keys.layout.head_elements()),
        column_(head * size_),
        bias_u_(bias_u + column_),
        bias_v_(bias_v + column_) {}

  void run(HeadScratch& scratch) const {
    store(stream_.new_keys, stream_.keys);
    store(stream_.new_values, stream_.values);
    const float* keys = load(stream_.keys, scratch.keys);
    const float* values = load(stream_.values, scratch.values);
    const std::int64_t chunk = stream_.context.chunk_frames();
    for (std::int64_t first = 0; first < stream_.queries.rows; first += chunk) {
      attend(first, std::min(chunk, stream_.queries.rows - first), keys, values, scratch);
    }
  }

 private:
  // The step's rows of this head into the ring.
  void store(Matrix<const float> rows, const RowRing& ring) const {
    for (std::int64_t index = 0; index < rows.rows; ++index) {
      const float* row = rows.row(index) + column_;
      const std::int64_t at = stream_.cached + index;
      std::byte* target = ring.head(at, head_);
      if (ring.layout.format == CacheFormat::kInt8) {
        *ring.scale(at, head_) =
            kernels_.quantize_row_int8(row, size_, reinterpret_cast<std::int8_t*>(target), nullptr, nullptr);
      } else if (ring.layout.format == CacheFormat::kBF16) {
        kernels_.narrow_bf16(row, size_, reinterpret_cast<std::uint16_t*>(target));
      } else {
        std::copy_n(row, size_, reinterpret_cast<float*>(target));
      }
    }
  }

  // All rows of this head as f32, stride_ apart: int8's padding makes rows longer than a head.
  const float* load(const RowRing& ring, std::vector<float>& buffer) const {
    float* rows = sized(buffer, ring.rows * stride_);
    const std::int64_t before_wrap = std::min(ring.rows, ring.capacity - ring.first);
    load_run(ring, 0, before_wrap, rows);
    load_run(ring, before_wrap, ring.rows - before_wrap, rows + before_wrap * stride_);
    return rows;
  }

  // `count` rows that lie one after the other.
  void load_run(const RowRing& ring, std::int64_t first, std::int64_t count, float* rows) const {
    if (count == 0) return;
    const std::byte* source = ring.head(first, head_);
    if (ring.layout.format == CacheFormat::kInt8) {
      kernels_.widen_rows_int8(reinterpret_cast<const std::int8_t*>(source), ring.scale(first, head_), count,
                               stride_, rows);
    } else if (ring.layout.format == CacheFormat::kBF16) {
      kernels_.widen_bf16(reinterpret_cast<const std::uint16_t*>(source), count * stride_, rows);
    } else {
      std::copy_n(reinterpret_cast<const float*>(source), count * stride_, rows);
    }
  }

  // The chunk of `frames` frames from `first` on.
  void attend(std::int64_t first, std::int64_t frames, const float* keys, const float* values,
              HeadScratch& scratch) const {
    const std::int64_t begin = stream_.cached + first;
    const std::int64_t first_key = std::max<std::int64_t>(0, begin - stream_.context.left);
    const std::int64_t key_count = begin + frames - first_key;
    const std::int64_t offsets = key_count + frames - 1;
    float* query_u = sized(scratch.query_u, frames * size_);
    float* query_v = sized(scratch.query_v, frames * size_);
    float* scores = sized(scratch.scores, frames * key_count);
    float* position_scores = sized(scratch.position_scores, frames * offsets);
    for (std::int64_t frame = 0; frame < frames; ++frame) {
      const float* query = stream_.queries.row(first + frame) + column_;
      kernels_.add_f32(query, bias_u_, size_, 0, query_u + frame * size_);
      kernels_.add_f32(query, bias_v_, size_, 0, query_v + frame * size_);
    }
    kernels_.matmul_f32(query_u, size_, frames, keys + first_key * stride_, stride_, key_count, size_, scores,
                        key_count);
    // The chunk's last frame sees the largest offset; frame f begins frames - 1 - f rows further on.
    const std::int64_t largest_offset = begin + frames - 1 - first_key;
    const float* positions = stream_.positions.row(head_) + (stream_.max_offset - largest_offset) * size_;
    kernels_.matmul_f32(query_v, size_, frames, positions, size_, offsets, size_, position_scores, offsets);
    const float scale = 1.0f / std::sqrt(static_cast<float>(size_));
    for (std::int64_t frame = 0; frame < frames; ++frame) {
      float* row = scores + frame * key_count;
      kernels_.add_f32(row, position_scores + frame * offsets + frames - 1 - frame, key_count, 0, row);
      kernels_.softmax_row_f32(row, key_count, scale);
      kernels_.weighted_rows_f32(row, values + first_key * stride_, stride_, key_count, size_, nullptr, 0,
                                 stream_.output.row(first + frame) + column_);
    }
  }

  const KernelTable& kernels_;
  const AttentionStream& stream_;
  int head_;
  std::int64_t size_;
  std::int64_t stride_;  // of the rows of keys and values
  std::int64_t column_;
  const float* bias_u_;
  const float* bias_v_;
};

}  // namespace

void cpu_attention(const KernelTable& kernels, const ThreadPool& pool,
                   std::span<const AttentionStream> streams, int heads, const float* bias_u,
                   const float* bias_v) {
  const auto items = static_cast<std::int64_t>(streams.size()) * heads;
  pool.parallel_for(items, 1, [&](std::int64_t begin, std::int64_t end) {
    thread_local HeadScratch scratch;
    for (std::int64_t item = begin; item < end; ++item) {
      HeadAttention(kernels, streams[static_cast<std::size_t>(item / heads)], static_cast<int>(item % heads),
                    heads, bias_u, bias_v)
          .run(scratch);
    }
  });
}

}  // namespace glossa::backend
