// A whole .nemo: an Error or a checkpoint whose tensors can all be read.
#include <cstdint>

#include "checkpoint/nemo_reader.h"
#include "glossa/error.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::span<const std::byte> bytes(reinterpret_cast<const std::byte*>(data), size);
  try {
    const auto checkpoint = glossa::checkpoint::read_nemo_bytes(bytes, nullptr, "fuzz");
    for (const auto& tensor : checkpoint->tensors()) tensor.to_f32();
  } catch (const glossa::Error&) {
  }
  return 0;
}
