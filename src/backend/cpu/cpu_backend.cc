#include "backend/cpu/cpu_backend.h"

#include <algorithm>
#include <cmath>

#include "backend/cpu/cpu_attention.h"
#include "backend/cpu/cpu_linear.h"
#include "backend/cpu/cpu_weight.h"
#include "backend/cpu/kernel_selection.h"
#include "backend/cpu/packing.h"
#include "base/thread_pool.h"

namespace glossa::backend {
namespace {

// Fewer operations than this are not worth waking a thread for.
constexpr std::int64_t kOperationsPerPiece = 64 * 1024;

KernelActivation kernel_activation(Activation activation) {
  return static_cast<KernelActivation>(activation);
}
static_assert(static_cast<int>(Activation::kNone) == 0 && static_cast<int>(Activation::kRelu) == 1 &&
              static_cast<int>(Activation::kSwish) == 2);

class CpuBackend final : public Backend {
 public:
  explicit CpuBackend(int threads)
      : selection_(select_kernels()), kernels_(selection_.table), pool_(threads) {}

  std::string name() const override { return "cpu (" + selection_.cells.front().chosen + ")"; }

  int threads() const override { return pool_.threads(); }

  std::unique_ptr<const PackedWeight> pack(Matrix<const float> weight, WeightFormat format,
                                           const float* importance) const override {
    if (format == WeightFormat::kF32 || weight.cols > kMostPackedInputs) {
      return std::make_unique<const CpuWeight>(weight);
    }
    return std::make_unique<const CpuWeight>(weight, format, importance, pool_);
  }

  std::string packed_layout() const override { return kPackedLayout; }

  std::unique_ptr<const PackedWeight> adopt(std::span<const std::byte> bytes, std::int64_t rows,
                                            std::int64_t cols, WeightFormat format) const override {
    const std::int64_t expected = panels_of(rows) * panel_bytes(format, cols);
    if (format == WeightFormat::kF32 || static_cast<std::int64_t>(bytes.size()) != expected) return nullptr;
    return std::make_unique<const CpuWeight>(bytes, rows, cols, format);
  }

  using Backend::linear;
  void linear(Matrix<const float> x, std::span<const LinearPart> parts) const override {
    cpu_linear(kernels_, pool_, x, parts);
  }

  void layer_norm(Matrix<const float> x, const float* weight, const float* bias, Activation activation,
                  Matrix<float> y) const override {
    for_rows(x.rows, x.cols, [&](std::int64_t row) {
      kernels_.layer_norm_row_f32(x.row(row), x.cols, weight, bias, kernel_activation(activation),
                                  y.row(row));
    });
  }

  void glu_depthwise_conv(std::span<const ConvStream> streams, Matrix<const float> taps,
                          const float* bias) const override {
    // Columns are independent of each other: an item is a stream's columns, so no thread waits for another.
    constexpr std::int64_t kColumns = 256;
    const std::int64_t slices = (taps.cols + kColumns - 1) / kColumns;
    std::int64_t frames = 0;
    for (const ConvStream& stream : streams) frames += stream.output.rows;
    const std::int64_t items = static_cast<std::int64_t>(streams.size()) * slices;
    if (items == 0) return;
    const std::int64_t operations = std::max<std::int64_t>(1, frames * taps.cols * (taps.rows + 4) / items);
    pool_.parallel_for(items, std::max<std::int64_t>(1, kOperationsPerPiece / operations),
                       [&](std::int64_t begin, std::int64_t end) {
                         for (std::int64_t item = begin; item < end; ++item) {
                           const std::int64_t column = item % slices * kColumns;
                           conv_slice(streams[static_cast<std::size_t>(item / slices)], taps, bias, column,
                                      std::min(kColumns, taps.cols - column));
                         }
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
          kernels_.taps_row_f32(positions, conv.taps, conv.channels, 9, conv.channels, conv.bias, activation,
                                target);
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
    cpu_attention(kernels_, pool_, streams, heads, bias_u, bias_v);
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

  void count_worker_time(bool on) const override { pool_.count_worker_time(on); }
  double worker_seconds() const override { return pool_.worker_seconds(); }

 private:
  // Some columns of one stream's convolution.
  void conv_slice(const ConvStream& stream, Matrix<const float> taps, const float* bias, std::int64_t column,
                  std::int64_t columns) const {
    const std::int64_t frames = stream.output.rows;
    const std::int64_t past = taps.rows - 1;
    thread_local std::vector<float> values;
    thread_local std::vector<const float*> rows;  // of the past, then of the step
    values.resize(static_cast<std::size_t>(frames * columns));
    rows.resize(static_cast<std::size_t>(past + frames));
    for (std::int64_t row = 0; row < past; ++row) {
      rows[static_cast<std::size_t>(row)] = stream.tail.row((stream.oldest + row) % past) + column;
    }
    for (std::int64_t frame = 0; frame < frames; ++frame) {
      float* target = values.data() + frame * columns;
      const float* input = stream.input.row(frame) + column;
      kernels_.glu_f32(input, input + taps.cols, columns, target);
      rows[static_cast<std::size_t>(past + frame)] = target;
    }
    for (std::int64_t frame = 0; frame < frames; ++frame) {
      kernels_.taps_row_f32(rows.data() + frame, taps.data + column, taps.stride, taps.rows, columns,
                            bias != nullptr ? bias + column : nullptr, 0, stream.output.row(frame) + column);
    }
    const std::int64_t kept = std::min(past, frames);
    for (std::int64_t index = 0; index < kept; ++index) {
      std::copy_n(values.data() + (frames - kept + index) * columns, columns,
                  stream.tail.row((stream.oldest + index) % past) + column);
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

  KernelSelection selection_;
  const KernelTable& kernels_;
  ThreadPool pool_;
};

}  // namespace

std::shared_ptr<const Backend> make_cpu_backend(int threads) {
  return std::make_shared<const CpuBackend>(threads);
}

}  // namespace glossa::backend
