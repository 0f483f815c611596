#include "checkpoint/tensor_writer.h"

#include <span>
#include <vector>

#include "checkpoint/encode.h"

namespace glossa::checkpoint {

WrittenTensor TensorWriter::write(const TensorView& tensor, DType dtype) {
  std::vector<std::byte> encoded;
  std::span<const std::byte> bytes = tensor.bytes;
  if (tensor.dtype != dtype) {
    bytes = encoded = encode(tensor, dtype, checkpoint_.source());
  } else {
    tensor.check();
  }
  file_.write(bytes);
  const WrittenTensor written{tensor.name, dtype, crc32_of(bytes)};
  constexpr std::size_t kReleaseBytes = 64 << 20;
  unreleased_bytes_ += tensor.bytes.size();
  if (unreleased_bytes_ >= kReleaseBytes) {
    checkpoint_.release_pages();  // the source's file need not stay in memory beside the new one
    unreleased_bytes_ = 0;
  }
  return written;
}

}  // namespace glossa::checkpoint
