// The container of a GGUF file, versions 2 and 3: metadata and tensors. Every length and offset is checked
// against the file before it is used; what the values mean is others' business.
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

inline constexpr std::string_view kGgufMagic = "GGUF";
inline constexpr std::uint32_t kGgufVersion = 3;
inline constexpr std::uint64_t kGgufAlignment = 32;  // of tensors, unless general.alignment says otherwise

// Numbers of the file format.
enum class GgufType : std::uint32_t {
  kU8 = 0,
  kI8 = 1,
  kU16 = 2,
  kI16 = 3,
  kU32 = 4,
  kI32 = 5,
  kF32 = 6,
  kBool = 7,
  kString = 8,
  kArray = 9,
  kU64 = 10,
  kI64 = 11,
  kF64 = 12
};

std::uint32_t ggml_type(DType dtype);  // its number in a file

struct GgufTensor {
  std::string_view name;
  std::vector<std::int64_t> shape;  // slowest first, as in PyTorch; the file has it the other way round
  DType dtype = DType::kF32;
  std::span<const std::byte> bytes;
};

// Immutable; views point into the bytes given to the constructor.
class GgufFile {
 public:
  GgufFile(std::span<const std::byte> bytes, std::string source);

  const std::string& source() const { return source_; }
  std::span<const GgufTensor> tensors() const { return tensors_; }

  bool has(std::string_view key) const { return values_.contains(key); }
  // Error kBadInput when the key is absent or has another type. Integers of any width are one type.
  int integer(std::string_view key) const;
  double number(std::string_view key) const;
  bool boolean(std::string_view key) const;
  std::string_view text(std::string_view key) const;
  std::vector<int> integers(std::string_view key) const;
  std::vector<float> numbers(std::string_view key) const;  // f32
  std::vector<std::string_view> texts(std::string_view key) const;

 private:
  class Cursor;
  struct Value {
    GgufType type = GgufType::kU8;
    GgufType element = GgufType::kU8;  // of an array
    std::uint64_t count = 1;
    std::span<const std::byte> bytes;  // of the value, or of the elements
  };

  void read_values(Cursor& cursor, std::uint64_t count);
  Value read_value(Cursor& cursor, std::string_view key) const;
  void read_tensors(Cursor& cursor, std::uint64_t count);
  GgufTensor read_tensor(Cursor& cursor, std::uint64_t& offset) const;
  std::uint64_t alignment() const;
  const Value& find(std::string_view key, bool fits(const Value&), std::string_view expected) const;

  std::string source_;
  std::map<std::string_view, Value> values_;
  std::vector<GgufTensor> tensors_;
};

}  // namespace glossa::checkpoint
