#include "backend/cpu/cpu_backend.h"

#include <algorithm>
#include <cmath>

#include "backend/cpu/kernel_selection.h"
#include "base/thread_pool.h"

namespace glossa::backend {
namespace {

// Bytes of input rows that should stay in the second-level cache while all weights pass by.
constexpr std::int64_t kInputBlockBytes = 256 * 1024;
// Fewer multiply-adds than this are not worth waking a thread for.
constexpr std::int64_t kOperationsPerPiece = 64 * 1024;

class CpuWeight final : public PackedWeight {
 public:
  explicit CpuWeight(Matrix<const float> values) : matrix(values) {}
  std::int64_t rows() const override { return matrix.rows; }
  std::int64_t cols() const override { return matrix.cols; }
  Matrix<const float> matrix;
};

KernelActivation kernel_activation(Activation activation) {
  return static_cast<KernelActivation>(activation);
}
static_assert(static_cast<int>(Activation::kNone) == 0 && static_cast<int>(Activation::kRelu) == 1 &&
              static_cast<int>(Activation::kSwish) == 2);

// Scratch of the running thread, grown as needed.
float* scratch(std::size_t size) {
  thread_local std::vector<float> values;
  if (values.size() < size) values.resize(size);
  return values.data();
}

class CpuBackend final : public Backend {
 public:
  explicit CpuBackend(int threads)
      : selection_(select_kernels()), kernels_(selection_.table), pool_(threads) {}

  std::string name() const override { return "cpu (" + selection_.cells.front().chosen + ")"; }

  int threads() const override { return pool_.threads(); }

  std::unique_ptr<const PackedWeight> pack(Matrix<const float> weight) const override {
    return std::make_unique<const CpuWeight>(weight);
  }

  void linear(Matrix<const float> x, const PackedWeight& weight, const LinearOptions& options,
              Matrix<float> y) const override {
    const Matrix<const float>& w = static_cast<const CpuWeight&>(weight).matrix;
    if (x.rows == 0) return;
    const std::int64_t row_block = std::max<std::int64_t>(
        6, kInputBlockBytes / (w.cols * static_cast<std::int64_t>(sizeof(float))) / 6 * 6);
    constexpr std::int64_t kGroup = 4;  // outputs that a kernel computes side by side
    const std::int64_t groups = (w.rows + kGroup - 1) / kGroup;
    const std::int64_t grain = std::max<std::int64_t>(1, kOperationsPerPiece / (kGroup * x.rows * w.cols));
    pool_.parallel_for(groups, grain, [&](std::int64_t first_group, std::int64_t last_group) {
      const std::int64_t end = std::min(w.rows, last_group * kGroup);
      for (std::int64_t row = 0; row < x.rows; row += row_block) {
        const auto rows = std::min(row_block, x.rows - row);
        linear_block(x.rows_from(row, rows), w, first_group * kGroup, end, options, y.rows_from(row, rows));
      }
    });
  }

  void layer_norm(Matrix<const float> x, const float* weight, const float* bias, Activation activation,
                  Matrix<float> y) const override {
    for_rows(x.rows, x.cols, [&](std::int64_t row) {
      kernels_.layer_norm_row_f32(x.row(row), x.cols, weight, bias, kernel_activation(activation),
                                  y.row(row));
    });
  }

  void glu(Matrix<const float> x, Matrix<float> y) const override {
    for_rows(y.rows, 4 * y.cols,
             [&](std::int64_t row) { kernels_.glu_row_f32(x.row(row), y.cols, y.row(row)); });
  }

  void depthwise_conv(Matrix<const float> x, Matrix<const float> taps, const float* bias,
                      Matrix<float> y) const override {
    for_rows(y.rows, taps.rows * y.cols, [&](std::int64_t row) {
      thread_local std::vector<const float*> inputs;
      inputs.resize(static_cast<std::size_t>(taps.rows));
      for (std::int64_t tap = 0; tap < taps.rows; ++tap)
        inputs[static_cast<std::size_t>(tap)] = x.row(row + tap);
      kernels_.taps_row_f32(inputs.data(), taps.data, taps.rows, y.cols, bias, 0, y.row(row));
    });
  }

  void strided_conv(Matrix<const float> input, std::int64_t first_input, std::int64_t total_frames,
                    std::int64_t bins, const StridedConv& conv, std::int64_t first_output,
                    Matrix<float> output) const override {
    const std::int64_t out_bins = bins / 2 + 1;
    for_rows(output.rows, 9 * output.cols, [&](std::int64_t row) {
      for (std::int64_t out_bin = 0; out_bin < out_bins; ++out_bin) {
        const float* positions[9];  // the 3 x 3 neighbourhood, null where absent
        for (std::int64_t tap = 0; tap < 9; ++tap) {
          const std::int64_t frame = 2 * (first_output + row) - 2 + tap / 3;
          const std::int64_t bin = 2 * out_bin - 2 + tap % 3;
          const bool absent = frame < 0 || frame >= total_frames || bin < 0 || bin >= bins;
          positions[tap] =
              absent ? nullptr : input.row(frame - first_input) + bin * (conv.depthwise ? conv.channels : 1);
        }
        float* target = output.row(row) + out_bin * conv.channels;
        const KernelActivation activation = kernel_activation(conv.activation);
        if (conv.depthwise) {
          kernels_.taps_row_f32(positions, conv.taps, 9, conv.channels, conv.bias, activation, target);
        } else {
          float values[9];
          for (int tap = 0; tap < 9; ++tap) values[tap] = positions[tap] != nullptr ? *positions[tap] : 0.0f;
          kernels_.weighted_rows_f32(values, conv.taps, conv.channels, 9, conv.channels, conv.bias,
                                     activation, target);
        }
      }
    });
  }

  void attention(std::span<const AttentionStream> streams, int heads, const float* bias_u,
                 const float* bias_v) const override {
    // One item per stream, chunk and head.
    thread_local std::vector<std::int64_t> first_items;
    std::vector<std::int64_t>& firsts = first_items;
    firsts.assign(1, 0);
    for (const AttentionStream& stream : streams) {
      const std::int64_t chunk = stream.context.chunk_frames();
      firsts.push_back(firsts.back() + (stream.queries.rows + chunk - 1) / chunk * heads);
    }
    pool_.parallel_for(firsts.back(), 2, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t item = begin; item < end; ++item) {
        const auto after = std::upper_bound(firsts.begin(), firsts.end(), item);
        const auto index = static_cast<std::size_t>(after - firsts.begin() - 1);
        const std::int64_t rest = item - firsts[index];
        attend(streams[index], rest / heads, static_cast<int>(rest % heads), heads, bias_u, bias_v);
      }
    });
  }

  void lstm_cell(Matrix<const float> gates, Matrix<float> cell, Matrix<float> hidden) const override {
    for_rows(cell.rows, 16 * cell.cols, [&](std::int64_t row) {
      kernels_.lstm_row_f32(gates.row(row), cell.cols, cell.row(row), hidden.row(row));
    });
  }

  void add_relu(Matrix<const float> a, Matrix<const float> b, Matrix<float> y) const override {
    for_rows(y.rows, y.cols, [&](std::int64_t row) {
      kernels_.add_f32(a.row(row), b.row(row), y.cols, kernel_activation(Activation::kRelu), y.row(row));
    });
  }

  void argmax(Matrix<const float> x, std::span<int> columns) const override {
    for_rows(x.rows, 2 * x.cols, [&](std::int64_t row) {
      columns[static_cast<std::size_t>(row)] = static_cast<int>(kernels_.argmax_row_f32(x.row(row), x.cols));
    });
  }

  LabelScore label_score(std::span<const float> logits, int label) const override {
    const auto classes = static_cast<std::int64_t>(logits.size());
    const float largest = logits[static_cast<std::size_t>(kernels_.argmax_row_f32(logits.data(), classes))];
    const float log_sum = largest + std::log(kernels_.sum_exp_f32(logits.data(), classes, 1.0f, largest));
    const float powers =
        kernels_.sum_exp_f32(logits.data(), classes, static_cast<float>(kTsallisAlpha), log_sum);
    return {logits[static_cast<std::size_t>(label)] - log_sum, tsallis_confidence(powers, classes)};
  }

 private:
  // Outputs [begin, end) of some rows. The sums of a few outputs at a time stay in the first-level cache.
  void linear_block(Matrix<const float> x, const Matrix<const float>& w, std::int64_t begin, std::int64_t end,
                    const LinearOptions& options, Matrix<float> y) const {
    const bool plain =
        options.bias == nullptr && options.activation == Activation::kNone && options.residual_scale == 0;
    constexpr std::int64_t kOutputs = 32;
    float* sums = plain ? nullptr : scratch(static_cast<std::size_t>(x.rows * kOutputs));
    for (std::int64_t first = begin; first < end; first += kOutputs) {
      const std::int64_t count = std::min(kOutputs, end - first);
      if (plain) {
        kernels_.matmul_f32(x.data, x.stride, x.rows, w.row(first), w.stride, count, w.cols, y.data + first,
                            y.stride);
        continue;
      }
      kernels_.matmul_f32(x.data, x.stride, x.rows, w.row(first), w.stride, count, w.cols, sums, kOutputs);
      const float* bias = options.bias != nullptr ? options.bias + first : nullptr;
      for (std::int64_t row = 0; row < x.rows; ++row) {
        kernels_.finish_row_f32(sums + row * kOutputs, count, bias, kernel_activation(options.activation),
                                options.residual_scale, y.row(row) + first);
      }
    }
  }

  template <class Body>
  void for_rows(std::int64_t rows, std::int64_t operations_per_row, const Body& body) const {
    const std::int64_t grain =
        std::max<std::int64_t>(1, kOperationsPerPiece / std::max<std::int64_t>(1, operations_per_row));
    pool_.parallel_for(rows, grain, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t row = begin; row < end; ++row) body(row);
    });
  }

  void attend(const AttentionStream& stream, std::int64_t chunk_index, int head, int heads,
              const float* bias_u, const float* bias_v) const {
    const std::int64_t size = stream.queries.cols / heads;
    const std::int64_t column = head * size;
    const std::int64_t chunk = stream.context.chunk_frames();
    const std::int64_t first_frame = chunk_index * chunk;
    const std::int64_t last_frame = std::min(stream.queries.rows, first_frame + chunk);
    const std::int64_t chunk_begin = stream.cached + first_frame;
    const std::int64_t first_key = std::max<std::int64_t>(0, chunk_begin - stream.context.left);
    const std::int64_t keys = std::min(stream.keys.rows, chunk_begin + chunk) - first_key;
    const float scale = 1.0f / std::sqrt(static_cast<float>(size));
    float* query_u = scratch(static_cast<std::size_t>(2 * size + 2 * keys));
    float* query_v = query_u + size;
    float* scores = query_v + size;
    float* position_scores = scores + keys;
    for (std::int64_t frame = first_frame; frame < last_frame; ++frame) {
      const float* query = stream.queries.row(frame) + column;
      kernels_.add_f32(query, bias_u + column, size, 0, query_u);
      kernels_.add_f32(query, bias_v + column, size, 0, query_v);
      const std::int64_t first_offset = stream.cached + frame - first_key;
      kernels_.matmul_f32(query_u, size, 1, stream.keys.row(first_key) + column, stream.keys.stride, keys,
                          size, scores, keys);
      kernels_.matmul_f32(query_v, size, 1, stream.positions.row(stream.max_offset - first_offset) + column,
                          stream.positions.stride, keys, size, position_scores, keys);
      kernels_.add_f32(scores, position_scores, keys, 0, scores);
      kernels_.softmax_row_f32(scores, keys, scale);
      kernels_.weighted_rows_f32(scores, stream.values.row(first_key) + column, stream.values.stride, keys,
                                 size, nullptr, 0, stream.output.row(frame) + column);
    }
  }

  KernelSelection selection_;
  const KernelTable& kernels_;
  ThreadPool pool_;
};

}  // namespace

std::shared_ptr<const Backend> make_cpu_backend(int threads) {
  return std::make_shared<const CpuBackend>(threads);
}

}  // namespace glossa::backend
