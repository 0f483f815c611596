#include "checkpoint/checkpoint.h"

#include <bit>
#include <cmath>
#include <cstring>

#include "base/fail.h"
#include "base/half.h"

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

std::vector<std::byte> rounded(const TensorView& view, DType dtype, const std::string& source) {
  const std::vector<float> values = view.to_f32();
  std::vector<std::byte> bytes(values.size() * dtype_size(dtype));
  if (dtype == DType::kF32) {
    if (!bytes.empty()) std::memcpy(bytes.data(), values.data(), bytes.size());
    return bytes;
  }
  const bool f16 = dtype == DType::kF16;
  for (std::size_t index = 0; index < values.size(); ++index) {
    const std::uint16_t bits = f16 ? float_to_f16(values[index]) : float_to_bf16(values[index]);
    const float back = f16 ? f16_to_float(bits) : bf16_to_float(bits);
    if (std::isinf(back) && !std::isinf(values[index])) {
      fail_invalid_argument("{}: {} has the value {}, which is too large for {}", source, view.name,
                            values[index], dtype_name(dtype));
    }
    std::memcpy(bytes.data() + 2 * index, &bits, sizeof(bits));
  }
  return bytes;
}

}  // namespace

std::size_t dtype_size(DType dtype) { return dtype == DType::kF32 ? 4 : 2; }

std::string_view dtype_name(DType dtype) {
  switch (dtype) {
    case DType::kF32:
      return "f32";
    case DType::kF16:
      return "f16";
    case DType::kBF16:
      return "bf16";
  }
  return "unknown";
}

std::int64_t TensorView::elements() const {
  std::int64_t product = 1;
  for (const std::int64_t size : shape) product *= size;
  return product;
}

std::vector<float> TensorView::to_f32() const {
  switch (dtype) {
    case DType::kF32:
      return widened<float>(bytes, [](float value) { return value; });
    case DType::kF16:
      return widened<std::uint16_t>(bytes, f16_to_float);
    case DType::kBF16:
      return widened<std::uint16_t>(bytes, bf16_to_float);
  }
  return {};
}

const TensorView& Checkpoint::tensor(std::string_view name) const {
  const TensorView* found = find(name);
  if (found == nullptr) fail_bad_input("{}: tensor {} is missing", source(), name);
  return *found;
}

NemoContents contents_of(const Checkpoint& checkpoint, DType dtype,
                         std::vector<std::vector<std::byte>>& storage) {
  NemoContents contents;
  contents.config_yaml = checkpoint.config_yaml();
  contents.artifacts.assign(checkpoint.artifacts().begin(), checkpoint.artifacts().end());
  for (TensorView view : checkpoint.tensors()) {
    const DType wanted = view.name.starts_with("preprocessor.") ? DType::kF32 : dtype;
    if (view.dtype != wanted) {
      // Growing `storage` moves the inner vectors but not their bytes.
      storage.push_back(rounded(view, wanted, checkpoint.source()));
      view.dtype = wanted;
      view.bytes = storage.back();
    }
    contents.tensors.push_back(std::move(view));
  }
  return contents;
}

}  // namespace glossa::checkpoint
