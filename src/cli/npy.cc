#include "cli/npy.h"

#include <bit>

#include "base/fail.h"
#include "base/little_endian.h"

namespace glossa::cli {

static_assert(std::endian::native == std::endian::little);

std::string npy_header(std::int64_t rows, std::int64_t cols) {
  constexpr std::size_t kHeader = 128;   // a multiple of 64, room for two 19-digit numbers
  constexpr std::size_t kPreamble = 10;  // magic, version, length of the text
  std::string text =
      fmt::format("{{'descr': '<f4', 'fortran_order': False, 'shape': ({}, {}), }}", rows, cols);
  text.resize(kHeader - kPreamble - 1, ' ');
  text.push_back('\n');
  std::string header("\x93NUMPY\x01\x00", 8);
  append_number(header, text.size(), 2);
  return header + text;
}

NpyWriter::NpyWriter(const std::filesystem::path& path, std::int64_t cols)
    : path_(path), file_(path, std::ios::binary), cols_(cols) {
  file_ << npy_header(0, cols_);
  if (!file_) fail_bad_input("{}: cannot write the file", path_.string());
}

void NpyWriter::append(std::span<const float> row) {
  file_.write(reinterpret_cast<const char*>(row.data()), static_cast<std::streamsize>(row.size_bytes()));
  ++rows_;
}

void NpyWriter::finish() {
  file_.seekp(0);
  file_ << npy_header(rows_, cols_);
  if (!file_.flush()) fail_bad_input("{}: cannot write the file", path_.string());
}

}  // namespace glossa::cli
