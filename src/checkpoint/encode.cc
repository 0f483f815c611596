#include "checkpoint/encode.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>

#include "base/fail.h"
#include "base/half.h"
#include "checkpoint/block_formats.h"

namespace glossa::checkpoint {
namespace {

[[noreturn]] void fail_value(const TensorView& tensor, float value, DType dtype, const std::string& source) {
  fail_invalid_argument("{}: {} has the value {}, which is too large for {}", source, tensor.name, value,
                        dtype_name(dtype));
}

template <class Narrow, class Widen>
void round_all(const TensorView& tensor, DType dtype, const std::string& source,
               std::span<const float> values, std::byte* bytes, Narrow narrow, Widen widen) {
  for (std::size_t index = 0; index < values.size(); ++index) {
    const std::uint16_t bits = narrow(values[index]);
    if (std::isinf(widen(bits)) && !std::isinf(values[index]))
      fail_value(tensor, values[index], dtype, source);
    std::memcpy(bytes + 2 * index, &bits, sizeof(bits));
  }
}

// Scales are f16.
void check_quantizable(const TensorView& tensor, DType dtype, const std::string& source,
                       std::span<const float> values) {
  constexpr float kLargestF16 = 65504;
  const auto wrong = std::find_if(values.begin(), values.end(),
                                  [](float value) { return !(std::abs(value) <= kLargestF16); });
  if (wrong == values.end()) return;
  if (std::isfinite(*wrong)) fail_value(tensor, *wrong, dtype, source);
  fail_invalid_argument("{}: {} has the value {} (expected numbers: {} has no other)", source, tensor.name,
                        *wrong, dtype_name(dtype));
}

}  // namespace

std::vector<std::byte> encode(const TensorView& tensor, DType dtype, const std::string& source) {
  const std::vector<float> values = tensor.to_f32();
  std::vector<std::byte> bytes(stored_bytes(dtype, tensor.elements()));
  switch (dtype) {
    case DType::kF32:
      if (!bytes.empty()) std::memcpy(bytes.data(), values.data(), bytes.size());
      return bytes;
    case DType::kF16:
      round_all(tensor, dtype, source, values, bytes.data(), float_to_f16, f16_to_float);
      return bytes;
    case DType::kBF16:
      round_all(tensor, dtype, source, values, bytes.data(), float_to_bf16, bf16_to_float);
      return bytes;
    case DType::kQ8_0:
      check_quantizable(tensor, dtype, source, values);
      quantize_q8_0(values, bytes.data());
      return bytes;
    case DType::kQ4_K:
      check_quantizable(tensor, dtype, source, values);
      quantize_q4_k(values, bytes.data());
      return bytes;
    default:
      fail_invalid_argument("{} can be read but not written (expected f32, f16, bf16, q8_0 or q4_k)",
                            dtype_name(dtype));
  }
}

}  // namespace glossa::checkpoint
