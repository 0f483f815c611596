// A weight of the CPU backend: f32 as it was given, everything else in panels (packing.h).
#pragma once

#include <cstddef>
#include <memory>
#include <span>

#include "backend/backend.h"
#include "base/thread_pool.h"

namespace glossa::backend {

class CpuWeight final : public PackedWeight {
 public:
  explicit CpuWeight(Matrix<const float> values);
  // Packs, with all threads of the pool.
  CpuWeight(Matrix<const float> values, WeightFormat format, const float* importance, const ThreadPool& pool);
  // Over bytes that somebody else keeps.
  CpuWeight(std::span<const std::byte> bytes, std::int64_t rows, std::int64_t cols, WeightFormat format);

  std::int64_t rows() const override { return rows_; }
  std::int64_t cols() const override { return cols_; }
  WeightFormat format() const override { return format_; }
  std::span<const std::byte> bytes() const override { return bytes_; }

  const Matrix<const float>& matrix() const { return matrix_; }  // kF32 only
  const std::byte* panel(std::int64_t index) const { return bytes_.data() + index * panel_bytes_; }

 private:
  struct FreeAligned {
    void operator()(std::byte* memory) const;
  };

  std::int64_t rows_;
  std::int64_t cols_;
  WeightFormat format_;
  std::int64_t panel_bytes_ = 0;
  Matrix<const float> matrix_;
  std::unique_ptr<std::byte, FreeAligned> owned_;
  std::span<const std::byte> bytes_;
};

}  // namespace glossa::backend
