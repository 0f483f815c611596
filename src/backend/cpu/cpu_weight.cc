#include "backend/cpu/cpu_weight.h"

#include <new>

#include "backend/cpu/packing.h"

namespace glossa::backend {
namespace {

constexpr std::align_val_t kAlignment{64};

}  // namespace

void CpuWeight::FreeAligned::operator()(std::byte* memory) const { ::operator delete(memory, kAlignment); }

CpuWeight::CpuWeight(Matrix<const float> values)
    : rows_(values.rows), cols_(values.cols), format_(WeightFormat::kF32), matrix_(values) {}

CpuWeight::CpuWeight(Matrix<const float> values, WeightFormat format, const float* importance,
                     const ThreadPool& pool)
    : rows_(values.rows),
      cols_(values.cols),
      format_(format),
      panel_bytes_(backend::panel_bytes(format, cols_)) {
  const std::int64_t panels = panels_of(rows_);
  const auto size = static_cast<std::size_t>(panels * panel_bytes_);
  owned_.reset(static_cast<std::byte*>(::operator new(size, kAlignment)));
  bytes_ = {owned_.get(), size};
  pool.parallel_for(panels, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t index = begin; index < end; ++index) {
      pack_panel(format, values, importance, index, owned_.get() + index * panel_bytes_);
    }
  });
}

CpuWeight::CpuWeight(std::span<const std::byte> bytes, std::int64_t rows, std::int64_t cols,
                     WeightFormat format)
    : rows_(rows),
      cols_(cols),
      format_(format),
      panel_bytes_(backend::panel_bytes(format, cols)),
      bytes_(bytes) {}

}  // namespace glossa::backend
