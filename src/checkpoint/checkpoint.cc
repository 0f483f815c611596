#include "checkpoint/checkpoint.h"

#include <array>
#include <bit>
#include <cstring>

#include "base/fail.h"
#include "base/half.h"
#include "base/printable.h"
#include "checkpoint/archive_writer.h"
#include "checkpoint/block_formats.h"
#include "checkpoint/encode.h"

namespace glossa::checkpoint {
namespace {

static_assert(std::endian::native == std::endian::little, "tensor bytes are used as they are in the file");

template <class Bits, class Widen>
std::vector<float> widened(std::span<const std::byte> bytes, Widen widen) {
  std::vector<float> values(bytes.size() / sizeof(Bits));
  for (std::size_t index = 0; index < values.size(); ++index) {
    Bits bits;
    std::memcpy(&bits, bytes.data() + index * sizeof(Bits), sizeof(Bits));
    values[index] = widen(bits);
  }
  return values;
}

struct Format {
  std::string_view name;
  std::int64_t numbers;  // of a block
  std::size_t bytes;
};

// In the order of DType.
constexpr std::array<Format, 8> kFormats = {{{"f32", 1, 4},
                                             {"f16", 1, 2},
                                             {"bf16", 1, 2},
                                             {"q8_0", 32, 34},
                                             {"q4_0", 32, 18},
                                             {"q4_k", 256, 144},
                                             {"q5_k", 256, 176},
                                             {"q6_k", 256, 210}}};

const Format& format_of(DType dtype) { return kFormats.at(static_cast<std::size_t>(dtype)); }

}  // namespace

std::string_view dtype_name(DType dtype) { return format_of(dtype).name; }
std::int64_t block_size(DType dtype) { return format_of(dtype).numbers; }
std::size_t dtype_size(DType dtype) { return format_of(dtype).bytes; }
bool is_block_format(DType dtype) { return block_size(dtype) > 1; }

std::optional<DType> dtype_named(std::string_view name) {
  for (std::size_t index = 0; index < kFormats.size(); ++index) {
    if (kFormats[index].name == name) return static_cast<DType>(index);
  }
  return std::nullopt;
}

std::uint64_t stored_bytes(DType dtype, std::int64_t numbers) {
  return static_cast<std::uint64_t>(numbers / block_size(dtype)) * dtype_size(dtype);
}

std::int64_t TensorView::elements() const {
  std::int64_t product = 1;
  for (const std::int64_t size : shape) product *= size;
  return product;
}

void Checksum::compare() const {
  if (compared_.load(std::memory_order_relaxed)) return;
  const std::uint32_t found = crc32_of(bytes_);
  if (found != crc32_) {
    fail_bad_input("{}: record {} is damaged: its CRC-32 is {:08x} (expected {:08x})", file_,
                   printable(record_), found, crc32_);
  }
  compared_.store(true, std::memory_order_relaxed);
}

void TensorView::check() const {
  if (checksum != nullptr) checksum->compare();
}

std::vector<float> TensorView::to_f32() const {
  check();
  switch (dtype) {
    case DType::kF32:
      return widened<float>(bytes, [](float value) { return value; });
    case DType::kF16:
      return widened<std::uint16_t>(bytes, f16_to_float);
    case DType::kBF16:
      return widened<std::uint16_t>(bytes, bf16_to_float);
    default:
      break;
  }
  std::vector<float> values(static_cast<std::size_t>(elements()));
  dequantize(dtype, bytes, values.data());
  return values;
}

const TensorView& Checkpoint::tensor(std::string_view name) const {
  const TensorView* found = find(name);
  if (found == nullptr) fail_bad_input("{}: tensor {} is missing", source(), name);
  return *found;
}

NemoContents contents_of(const Checkpoint& checkpoint, DType dtype,
                         std::vector<std::vector<std::byte>>& storage, const TensorDone& done) {
  if (is_block_format(dtype)) {
    fail_invalid_argument("{} cannot be stored in a .nemo (expected f32, f16 or bf16)", dtype_name(dtype));
  }
  NemoContents contents;
  contents.config_yaml = checkpoint.config_yaml();
  contents.artifacts.assign(checkpoint.artifacts().begin(), checkpoint.artifacts().end());
  for (TensorView view : checkpoint.tensors()) {
    const DType wanted = view.name.starts_with("preprocessor.") ? DType::kF32 : dtype;
    if (view.dtype != wanted) {
      // Growing `storage` moves the inner vectors but not their bytes.
      storage.push_back(encode(view, wanted, checkpoint.source()));
      view.dtype = wanted;
      view.bytes = storage.back();
      view.checksum = nullptr;
    }
    if (done) done(view.elements());
    contents.tensors.push_back(std::move(view));
  }
  return contents;
}

}  // namespace glossa::checkpoint
