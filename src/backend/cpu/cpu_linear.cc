#include "backend/cpu/cpu_linear.h"

#include <algorithm>
#include <vector>

#include "backend/cpu/cpu_weight.h"
#include "backend/cpu/packing.h"

namespace glossa::backend {
namespace {

// Bytes of f32 input rows that should stay in the second-level cache while all weights pass by.
constexpr std::int64_t kInputBlockBytes = 256 * 1024;
// Fewer multiply-adds than this are not worth waking a thread for.
constexpr std::int64_t kOperationsPerPiece = 64 * 1024;

// The rows of an input in 8 bits; buffers are kept from call to call.
class QuantizedInput {
 public:
  void fill(const KernelTable& kernels, const ThreadPool& pool, Matrix<const float> x) {
    // Rows a multiple of 4096 bytes apart would fall on the same lines of the first-level cache.
    constexpr std::int64_t kApart = 64;
    rows_ = {.stride = blocks_of(x.cols) * kBlock + kApart, .rows = x.rows, .blocks = blocks_of(x.cols)};
    const auto grow = [](auto& buffer, std::int64_t size) {
      if (buffer.size() < static_cast<std::size_t>(size)) buffer.resize(static_cast<std::size_t>(size));
    };
    grow(values_, x.rows * rows_.stride);
    grow(scales_, x.rows);
    grow(totals_, x.rows);
    grow(starts_, x.rows * 2 * rows_.blocks);
    rows_.values = values_.data();
    rows_.scales = scales_.data();
    rows_.totals = totals_.data();
    rows_.starts = starts_.data();
    const std::int64_t grain = std::max<std::int64_t>(1, kOperationsPerPiece / x.cols);
    pool.parallel_for(x.rows, grain, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t row = begin; row < end; ++row) {
        const auto at = static_cast<std::size_t>(row);
        scales_[at] = kernels.quantize_row_int8(x.row(row), x.cols, values_.data() + row * rows_.stride,
                                                &totals_[at], starts_.data() + row * 2 * rows_.blocks);
      }
    });
  }
  const Int8Rows& rows() const { return rows_; }

 private:
  Int8Rows rows_;
  std::vector<std::int8_t> values_;
  std::vector<float> scales_;
  std::vector<std::int32_t> totals_;
  std::vector<std::int32_t> starts_;
};

// One call of cpu_linear().
class LinearStep {
 public:
  LinearStep(const KernelTable& kernels, Matrix<const float> x, const Int8Rows& quantized)
      : kernels_(kernels), x_(x), quantized_(quantized) {}

  // Panels [begin, end) of a part.
  void run(const LinearPart& part, std::int64_t begin, std::int64_t end) const {
    const auto& weight = static_cast<const CpuWeight&>(*part.weight);
    if (weight.format() == WeightFormat::kF32) {
      const std::int64_t block = std::max<std::int64_t>(
          6, kInputBlockBytes / (x_.cols * static_cast<std::int64_t>(sizeof(float))) / 6 * 6);
      for (std::int64_t row = 0; row < x_.rows; row += block) {
        const std::int64_t rows = std::min(block, x_.rows - row);
        for (std::int64_t panel = begin; panel < end; ++panel) f32_panel(part, weight, panel, row, rows);
      }
      return;
    }
    for (std::int64_t panel = begin; panel < end; ++panel) {
      const bool direct = is_plain(part.options) && (panel + 1) * kPanel <= weight.rows();
      float* sums = direct ? part.y.data + panel * kPanel : scratch(x_.rows * kPanel);
      const std::int64_t stride = direct ? part.y.stride : kPanel;
      const auto* bytes = reinterpret_cast<const std::uint8_t*>(weight.panel(panel));
      if (weight.format() == WeightFormat::kBF16) {
        kernels_.matmul_bf16(x_.data, x_.stride, x_.rows, reinterpret_cast<const std::uint16_t*>(bytes),
                             x_.cols, sums, stride);
      } else if (weight.format() == WeightFormat::kInt8) {
        kernels_.matmul_int8(quantized_, bytes, sums, stride);
      } else {
        kernels_.matmul_int4(quantized_, bytes, sums, stride);
      }
      if (!direct) finish(part, weight, panel, sums, 0, x_.rows);
    }
  }

 private:
  // The sums are the result.
  static bool is_plain(const LinearOptions& options) {
    return options.bias == nullptr && options.activation == Activation::kNone && options.residual_scale == 0;
  }

  // Sums of the running thread, grown as needed.
  static float* scratch(std::int64_t size) {
    thread_local std::vector<float> values;
    if (values.size() < static_cast<std::size_t>(size)) values.resize(static_cast<std::size_t>(size));
    return values.data();
  }

  void f32_panel(const LinearPart& part, const CpuWeight& weight, std::int64_t panel, std::int64_t row,
                 std::int64_t rows) const {
    const Matrix<const float>& w = weight.matrix();
    const std::int64_t first = panel * kPanel;
    const std::int64_t count = std::min(kPanel, w.rows - first);
    if (is_plain(part.options)) {
      kernels_.matmul_f32(x_.row(row), x_.stride, rows, w.row(first), w.stride, count, w.cols,
                          part.y.row(row) + first, part.y.stride);
      return;
    }
    float* sums = scratch(rows * kPanel);
    kernels_.matmul_f32(x_.row(row), x_.stride, rows, w.row(first), w.stride, count, w.cols, sums, kPanel);
    finish(part, weight, panel, sums, row, rows);
  }

  void finish(const LinearPart& part, const CpuWeight& weight, std::int64_t panel, const float* sums,
              std::int64_t row, std::int64_t rows) const {
    const std::int64_t first = panel * kPanel;
    const std::int64_t count = std::min(kPanel, weight.rows() - first);
    const float* bias = part.options.bias != nullptr ? part.options.bias + first : nullptr;
    kernels_.finish_rows_f32(sums, kPanel, rows, count, bias,
                             static_cast<KernelActivation>(part.options.activation),
                             part.options.residual_scale, part.y.row(row) + first, part.y.stride);
  }

  const KernelTable& kernels_;
  Matrix<const float> x_;
  const Int8Rows& quantized_;
};

}  // namespace

void cpu_linear(const KernelTable& kernels, const ThreadPool& pool, Matrix<const float> x,
                std::span<const LinearPart> parts) {
  if (x.rows == 0) return;
  thread_local QuantizedInput quantized;
  std::int64_t panels = 0;
  bool in_8_bits = false;
  for (const LinearPart& part : parts) {
    panels += panels_of(part.weight->rows());
    const WeightFormat format = part.weight->format();
    in_8_bits = in_8_bits || format == WeightFormat::kInt8 || format == WeightFormat::kInt4;
  }
  if (in_8_bits) quantized.fill(kernels, pool, x);
  const LinearStep step(kernels, x, quantized.rows());
  const std::int64_t grain = std::max<std::int64_t>(1, kOperationsPerPiece / (kPanel * x.rows * x.cols));
  pool.parallel_for(panels, grain, [&](std::int64_t begin, std::int64_t end) {
    std::int64_t first = 0;  // of the part
    for (const LinearPart& part : parts) {
      const std::int64_t last = first + panels_of(part.weight->rows());
      if (begin < last && end > first)
        step.run(part, std::max(begin, first) - first, std::min(end, last) - first);
      first = last;
    }
  });
}

}  // namespace glossa::backend
