// The metadata of a GGUF file that glossa writes.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "checkpoint/config_parser.h"
#include "checkpoint/gguf_file.h"

namespace glossa::checkpoint {

// Key-value pairs in the bytes of the format.
class GgufMetadata {
 public:
  void text(std::string_view key, std::string_view value);
  void u32(std::string_view key, int value);
  void i32(std::string_view key, int value);
  void f32(std::string_view key, double value);
  void boolean(std::string_view key, bool value);
  void texts(std::string_view key, const std::vector<std::string>& values);
  void i32s(std::string_view key, const std::vector<int>& values);
  void f32s(std::string_view key, const std::vector<float>& values);

  std::uint64_t count() const { return count_; }
  const std::string& bytes() const { return bytes_; }

 private:
  void begin(std::string_view key, GgufType type);
  void begin_array(std::string_view key, GgufType element, std::size_t size);

  std::string bytes_;
  std::uint64_t count_ = 0;
};

// Everything that NVIDIA's layout has, kGgufAttContexts and where needed kGgufWindow. `dtype`: of the linear
// layers.
GgufMetadata gguf_metadata(const Checkpoint& checkpoint, const ConfigExtras& extras, DType dtype);

// Little-endian, as everything in the file.
void append_u32(std::string& out, std::uint32_t value);
void append_u64(std::string& out, std::uint64_t value);
void append_text(std::string& out, std::string_view text);  // length and bytes

}  // namespace glossa::checkpoint
