// The container of a safetensors file: 8 bytes of header length, a JSON header (name -> dtype, shape,
// data_offsets; __metadata__ -> words), row-major numbers. Every length and offset is checked against the
// file before it is used. https://github.com/huggingface/safetensors
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "checkpoint/checkpoint.h"

namespace glossa::checkpoint {

struct SafetensorsEntry {
  std::string name;
  std::string dtype;  // as in the file: "F32", "BF16", ...
  std::vector<std::int64_t> shape;
  std::span<const std::byte> bytes;
};

// Immutable; the entries point into the bytes given to the constructor.
class SafetensorsFile {
 public:
  // Error kBadInput, naming `source`, when the bytes are no such file. What an entry's numbers mean is not
  // looked at: only of the types that glossa knows the size is compared with the shape.
  SafetensorsFile(std::span<const std::byte> bytes, std::string source);

  const std::string& source() const { return source_; }
  const std::vector<SafetensorsEntry>& entries() const { return entries_; }  // by name
  const std::map<std::string, std::string>& metadata() const { return metadata_; }

 private:
  std::string source_;
  std::vector<SafetensorsEntry> entries_;
  std::map<std::string, std::string> metadata_;
};

// The name of a number format in such a file, "F32"; only f32, f16 and bf16 have one.
std::string_view safetensors_dtype(DType dtype);
// f32, f16 or bf16; none for any other text.
std::optional<DType> dtype_of_safetensors(std::string_view name);

struct SafetensorsPlan {
  std::string name;
  DType dtype = DType::kF32;
  std::vector<std::int64_t> shape;
};

// All that comes before the numbers of these tensors, which follow in this order without gaps.
std::string safetensors_header(std::span<const SafetensorsPlan> tensors,
                               const std::map<std::string, std::string>& metadata);

}  // namespace glossa::checkpoint
