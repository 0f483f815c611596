// NumPy's .npy files, version 1.0: little-endian float32 matrices, row-major.
#pragma once

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <span>
#include <string>

namespace glossa::cli {

// The bytes in front of the values of a [rows, cols] matrix: 128, however large the numbers are.
std::string npy_header(std::int64_t rows, std::int64_t cols);

// A matrix whose rows come one after the other. Error kBadInput when the file cannot be written.
class NpyWriter {
 public:
  NpyWriter(const std::filesystem::path& path, std::int64_t cols);
  void append(std::span<const float> row);
  std::int64_t rows() const { return rows_; }
  void finish();  // writes the number of rows; the file is not valid before

 private:
  std::filesystem::path path_;
  std::ofstream file_;
  std::int64_t cols_;
  std::int64_t rows_ = 0;
};

}  // namespace glossa::cli
