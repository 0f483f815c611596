// A data.pkl: an Error or tensors whose elements all lie inside their storages.
#include <cstdint>
#include <cstdlib>

#include "checkpoint/torch_pickle.h"
#include "glossa/error.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::span<const std::byte> bytes(reinterpret_cast<const std::byte*>(data), size);
  try {
    for (const auto& tensor : glossa::checkpoint::read_state_dict(bytes, "fuzz")) {
      if (tensor.shape.size() != tensor.stride.size() || tensor.offset < 0) std::abort();
      if (!tensor.is_contiguous()) continue;
      std::int64_t elements = 1;  // cannot overflow: they fit the storage, unless there are none
      for (const std::int64_t length : tensor.shape) {
        if (length == 0) elements = 0;
      }
      for (const std::int64_t length : tensor.shape) elements *= elements == 0 ? 0 : length;
      if (elements > 0 && tensor.offset + elements > tensor.storage_elements) std::abort();
    }
  } catch (const glossa::Error&) {
  }
  return 0;
}
