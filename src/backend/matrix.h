// A row-major matrix somebody else owns.
#pragma once

#include <cstdint>
#include <vector>

namespace glossa::backend {

template <class T>
struct Matrix {
  T* data = nullptr;
  std::int64_t rows = 0;
  std::int64_t cols = 0;
  std::int64_t stride = 0;  // elements from one row to the next

  T* row(std::int64_t index) const { return data + index * stride; }
  Matrix rows_from(std::int64_t first, std::int64_t count) const { return {row(first), count, cols, stride}; }
  operator Matrix<const T>() const { return {data, rows, cols, stride}; }
};

// A matrix that owns its elements; the buffer grows and is kept when it is resized.
class Buffer {
 public:
  Buffer() = default;
  Buffer(std::int64_t rows, std::int64_t cols) { resize(rows, cols); }

  // Contents are unspecified afterwards.
  Matrix<float> resize(std::int64_t rows, std::int64_t cols) {
    rows_ = rows;
    cols_ = cols;
    const auto size = static_cast<std::size_t>(rows * cols);
    if (values_.size() < size) values_.resize(size);
    return view();
  }
  Matrix<float> view() { return {values_.data(), rows_, cols_, cols_}; }
  Matrix<const float> view() const { return {values_.data(), rows_, cols_, cols_}; }

 private:
  std::vector<float> values_;
  std::int64_t rows_ = 0;
  std::int64_t cols_ = 0;
};

}  // namespace glossa::backend
