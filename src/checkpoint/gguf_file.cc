#include "checkpoint/gguf_file.h"

#include <fmt/ranges.h>

#include <array>
#include <bit>
#include <cstring>
#include <limits>
#include <unordered_set>
#include <utility>

#include "base/fail.h"
#include "base/printable.h"

namespace glossa::checkpoint {
namespace {

constexpr std::array<std::pair<DType, std::uint32_t>, 8> kGgmlTypes = {{{DType::kF32, 0},
                                                                        {DType::kF16, 1},
                                                                        {DType::kQ4_0, 2},
                                                                        {DType::kQ8_0, 8},
                                                                        {DType::kQ4_K, 12},
                                                                        {DType::kQ5_K, 13},
                                                                        {DType::kQ6_K, 14},
                                                                        {DType::kBF16, 30}}};

std::optional<DType> dtype_of(std::uint32_t type) {
  for (const auto& [dtype, number] : kGgmlTypes) {
    if (number == type) return dtype;
  }
  return std::nullopt;
}

// 0: strings and arrays, which have no fixed size, and numbers that are no type.
std::uint64_t fixed_size(GgufType type) {
  switch (type) {
    case GgufType::kU8:
    case GgufType::kI8:
    case GgufType::kBool:
      return 1;
    case GgufType::kU16:
    case GgufType::kI16:
      return 2;
    case GgufType::kU32:
    case GgufType::kI32:
    case GgufType::kF32:
      return 4;
    case GgufType::kU64:
    case GgufType::kI64:
    case GgufType::kF64:
      return 8;
    default:
      return 0;
  }
}

bool is_integer(GgufType type) {
  return fixed_size(type) > 0 && type != GgufType::kBool && type != GgufType::kF32 && type != GgufType::kF64;
}

template <class T>
T load(std::span<const std::byte> bytes) {
  T value;
  std::memcpy(&value, bytes.data(), sizeof(value));
  return value;
}

// An integer as a 64-bit one; unsigned ones beyond it become its largest.
std::int64_t load_integer(GgufType type, std::span<const std::byte> bytes) {
  switch (type) {
    case GgufType::kU8:
      return load<std::uint8_t>(bytes);
    case GgufType::kI8:
      return load<std::int8_t>(bytes);
    case GgufType::kU16:
      return load<std::uint16_t>(bytes);
    case GgufType::kI16:
      return load<std::int16_t>(bytes);
    case GgufType::kU32:
      return load<std::uint32_t>(bytes);
    case GgufType::kI32:
      return load<std::int32_t>(bytes);
    case GgufType::kI64:
      return load<std::int64_t>(bytes);
    default: {
      constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max();
      return static_cast<std::int64_t>(std::min<std::uint64_t>(load<std::uint64_t>(bytes), kMost));
    }
  }
}

int checked_int(std::int64_t value, std::string_view key, const std::string& source) {
  constexpr int kMost = std::numeric_limits<int>::max();
  if (value < -kMost || value > kMost) {
    fail_bad_input("{}: {} is {} (expected a number of at most {})", source, key, value, kMost);
  }
  return static_cast<int>(value);
}

std::string_view as_text(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace

std::uint32_t ggml_type(DType dtype) {
  for (const auto& [known, number] : kGgmlTypes) {
    if (known == dtype) return number;
  }
  fail_invalid_argument("{} has no number in GGUF", dtype_name(dtype));
}

class GgufFile::Cursor {
 public:
  Cursor(std::span<const std::byte> bytes, const std::string& source) : bytes_(bytes), source_(source) {}

  std::uint64_t at() const { return at_; }
  std::uint64_t left() const { return bytes_.size() - at_; }

  std::span<const std::byte> take(std::uint64_t size, std::string_view what) {
    if (size > left()) {
      fail_bad_input("{}: truncated: {} at byte {} takes {} bytes, the file has {} more", source_,
                     printable(what), at_, size, left());
    }
    const auto taken = bytes_.subspan(at_, size);
    at_ += size;
    return taken;
  }
  std::uint32_t u32(std::string_view what) { return load<std::uint32_t>(take(4, what)); }
  std::uint64_t u64(std::string_view what) { return load<std::uint64_t>(take(8, what)); }
  std::string_view text(std::string_view what) { return as_text(take(u64(what), what)); }

  // A number of things of at least `smallest` bytes each.
  std::uint64_t count(std::uint64_t smallest, std::string_view what) {
    const std::uint64_t value = u64(what);
    if (value > left() / smallest) {
      fail_bad_input("{}: {} is {}, too many for the {} bytes that follow", source_, printable(what), value,
                     left());
    }
    return value;
  }

  // Everything behind the descriptions, from the next multiple of `alignment` on.
  std::span<const std::byte> rest(std::uint64_t alignment) const {
    const std::uint64_t begin = (at_ + alignment - 1) / alignment * alignment;
    return begin < bytes_.size() ? bytes_.subspan(begin) : std::span<const std::byte>();
  }

 private:
  std::span<const std::byte> bytes_;
  const std::string& source_;
  std::uint64_t at_ = 0;
};

GgufFile::GgufFile(std::span<const std::byte> bytes, std::string source) : source_(std::move(source)) {
  Cursor cursor(bytes, source_);
  if (as_text(bytes.first(std::min(bytes.size(), kGgufMagic.size()))) != kGgufMagic)
    fail_bad_input("{}: not a GGUF file (expected it to begin with {})", source_, kGgufMagic);
  cursor.take(kGgufMagic.size(), "the magic");
  const std::uint32_t version = cursor.u32("the version");
  if (version < 2 || version > kGgufVersion) {
    const bool swapped = (version & 0xffff) == 0 && version != 0;
    fail_bad_input("{}: GGUF version {} (expected 2 or 3, little-endian){}", source_, version,
                   swapped ? ": a big-endian file" : "");
  }
  constexpr std::uint64_t kSmallestTensor = 8 + 4 + 8 + 4 + 8;
  constexpr std::uint64_t kSmallestValue = 8 + 4 + 1;
  const std::uint64_t tensors = cursor.count(kSmallestTensor, "the number of tensors");
  read_values(cursor, cursor.count(kSmallestValue, "the number of metadata values"));
  read_tensors(cursor, tensors);
}

void GgufFile::read_values(Cursor& cursor, std::uint64_t count) {
  for (; count > 0; --count) {
    const std::string_view key = cursor.text("a metadata key");
    if (!values_.emplace(key, read_value(cursor, key)).second)
      fail_bad_input("{}: metadata key {} occurs twice", source_, printable(key));
  }
}

GgufFile::Value GgufFile::read_value(Cursor& cursor, std::string_view key) const {
  Value value;
  value.type = static_cast<GgufType>(cursor.u32(key));
  GgufType element = value.type;
  if (value.type == GgufType::kArray) {
    element = value.element = static_cast<GgufType>(cursor.u32(key));
    value.count = cursor.count(std::max<std::uint64_t>(fixed_size(element), 1), key);
  }
  if (element == GgufType::kString) {
    if (value.type == GgufType::kString) {
      value.bytes = cursor.take(cursor.u64(key), key);
      return value;
    }
    Cursor strings = cursor;  // to find out where they end
    for (std::uint64_t index = 0; index < value.count; ++index) strings.text(key);
    value.bytes = cursor.take(strings.at() - cursor.at(), key);
    return value;
  }
  if (fixed_size(element) == 0) {
    fail_bad_input("{}: metadata {} has the type {} (expected 0 to 12, no array of arrays)", source_,
                   printable(key), static_cast<std::uint32_t>(element));
  }
  value.bytes = cursor.take(value.count * fixed_size(element), key);
  return value;
}

std::uint64_t GgufFile::alignment() const {
  constexpr std::string_view kKey = "general.alignment";
  constexpr int kMost = 1 << 20;
  if (!has(kKey)) return kGgufAlignment;
  const int value = integer(kKey);
  if (value < 8 || value > kMost || !std::has_single_bit(static_cast<unsigned>(value)))
    fail_bad_input("{}: {} is {} (expected a power of two, 8 to {})", source_, kKey, value, kMost);
  return static_cast<std::uint64_t>(value);
}

void GgufFile::read_tensors(Cursor& cursor, std::uint64_t count) {
  std::unordered_set<std::string_view> names;
  std::vector<std::uint64_t> offsets;
  for (; count > 0; --count) {
    tensors_.push_back(read_tensor(cursor, offsets.emplace_back()));
    if (!names.insert(tensors_.back().name).second)
      fail_bad_input("{}: tensor {} occurs twice", source_, printable(tensors_.back().name));
  }
  const auto data = cursor.rest(alignment());
  std::uint64_t bound = 0;
  for (std::size_t index = 0; index < offsets.size(); ++index) {
    GgufTensor& tensor = tensors_[index];
    std::int64_t elements = 1;
    for (const std::int64_t size : tensor.shape) elements *= size;
    const std::uint64_t size = stored_bytes(tensor.dtype, elements);
    const std::uint64_t offset = offsets[index];
    if (offset % alignment() != 0) {
      fail_bad_input("{}: {} begins at offset {} (expected a multiple of {})", source_,
                     printable(tensor.name), offset, alignment());
    }
    if (offset > data.size() || size > data.size() - offset) {
      fail_bad_input("{}: truncated: {} takes {} bytes from offset {} on, the tensor data has {}", source_,
                     printable(tensor.name), size, offset, data.size());
    }
    tensor.bytes = data.subspan(offset, size);
    // Two tensors may be one, but many in one place would claim any amount of memory once they are widened.
    bound += size;
    if (bound / 2 > data.size()) {
      fail_bad_input("{}: the tensors up to {} have {} bytes, more than twice the {} of the tensor data",
                     source_, printable(tensor.name), bound, data.size());
    }
  }
}

GgufTensor GgufFile::read_tensor(Cursor& cursor, std::uint64_t& offset) const {
  constexpr std::uint32_t kMostDimensions = 4;
  constexpr std::int64_t kMostElements = std::int64_t{1} << 40;
  GgufTensor tensor;
  tensor.name = cursor.text("the name of a tensor");
  const std::uint32_t dimensions = cursor.u32(tensor.name);
  if (dimensions < 1 || dimensions > kMostDimensions) {
    fail_bad_input("{}: {} has {} dimensions (expected 1 to {})", source_, printable(tensor.name), dimensions,
                   kMostDimensions);
  }
  tensor.shape.resize(dimensions);
  std::int64_t elements = 1;
  for (std::size_t axis = dimensions; axis-- > 0;) {
    const std::uint64_t size = cursor.u64(tensor.name);
    if (size < 1 || size > static_cast<std::uint64_t>(kMostElements / elements)) {
      fail_bad_input("{}: {} has a dimension of {} (expected at least 1, and at most {} elements in all)",
                     source_, printable(tensor.name), size, kMostElements);
    }
    tensor.shape[axis] = static_cast<std::int64_t>(size);
    elements *= tensor.shape[axis];
  }
  const std::uint32_t type = cursor.u32(tensor.name);
  const auto dtype = dtype_of(type);
  if (!dtype) {
    fail_bad_input("{}: {} has ggml's type {} (expected f32, f16, bf16, q8_0, q4_0, q4_k, q5_k or q6_k)",
                   source_, printable(tensor.name), type);
  }
  tensor.dtype = *dtype;
  if (tensor.shape.back() % block_size(*dtype) != 0) {
    fail_bad_input("{}: {} is [{}] in {} (expected rows of a multiple of {})", source_,
                   printable(tensor.name), fmt::join(tensor.shape, ","), dtype_name(*dtype),
                   block_size(*dtype));
  }
  offset = cursor.u64(tensor.name);
  return tensor;
}

const GgufFile::Value& GgufFile::find(std::string_view key, bool fits(const Value&),
                                      std::string_view expected) const {
  const auto found = values_.find(key);
  if (found == values_.end()) fail_bad_input("{}: {} is missing (expected {})", source_, key, expected);
  if (!fits(found->second)) {
    fail_bad_input("{}: {} has the metadata type {} (expected {})", source_, key,
                   static_cast<std::uint32_t>(found->second.type), expected);
  }
  return found->second;
}

int GgufFile::integer(std::string_view key) const {
  const Value& value = find(
      key, [](const Value& found) { return is_integer(found.type); }, "a whole number");
  return checked_int(load_integer(value.type, value.bytes), key, source_);
}

double GgufFile::number(std::string_view key) const {
  const Value& value = find(
      key, [](const Value& found) { return found.type == GgufType::kF32 || found.type == GgufType::kF64; },
      "a number");
  return value.type == GgufType::kF32 ? load<float>(value.bytes) : load<double>(value.bytes);
}

bool GgufFile::boolean(std::string_view key) const {
  const Value& value = find(
      key, [](const Value& found) { return found.type == GgufType::kBool; }, "true or false");
  return value.bytes.front() != std::byte{0};
}

std::string_view GgufFile::text(std::string_view key) const {
  const Value& value = find(
      key, [](const Value& found) { return found.type == GgufType::kString; }, "text");
  return as_text(value.bytes);
}

std::vector<int> GgufFile::integers(std::string_view key) const {
  const Value& value = find(
      key, [](const Value& found) { return found.type == GgufType::kArray && is_integer(found.element); },
      "whole numbers");
  std::vector<int> numbers;
  const std::uint64_t size = fixed_size(value.element);
  for (std::uint64_t index = 0; index < value.count; ++index) {
    numbers.push_back(
        checked_int(load_integer(value.element, value.bytes.subspan(index * size, size)), key, source_));
  }
  return numbers;
}

std::vector<float> GgufFile::numbers(std::string_view key) const {
  const Value& value = find(
      key,
      [](const Value& found) { return found.type == GgufType::kArray && found.element == GgufType::kF32; },
      "numbers in f32");
  std::vector<float> numbers(value.count);
  if (!numbers.empty()) std::memcpy(numbers.data(), value.bytes.data(), value.bytes.size());
  return numbers;
}

std::vector<std::string_view> GgufFile::texts(std::string_view key) const {
  const Value& value = find(
      key,
      [](const Value& found) { return found.type == GgufType::kArray && found.element == GgufType::kString; },
      "a list of texts");
  std::vector<std::string_view> texts;
  Cursor cursor(value.bytes, source_);
  for (std::uint64_t index = 0; index < value.count; ++index) texts.push_back(cursor.text(key));
  return texts;
}

}  // namespace glossa::checkpoint
