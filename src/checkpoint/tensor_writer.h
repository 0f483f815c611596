// Tensors of a checkpoint into a file, one by one, so that memory stays small.
#pragma once

#include <cstddef>
#include <string>

#include "checkpoint/archive_writer.h"
#include "checkpoint/checkpoint.h"

namespace glossa::checkpoint {

// Both must outlive it.
class TensorWriter {
 public:
  TensorWriter(const Checkpoint& checkpoint, AtomicFile& file) : checkpoint_(checkpoint), file_(file) {}

  // Its numbers in that format, after a check of those that stay as they are. Error kBadInput for a damaged
  // tensor, kInvalidArgument for a number that the format cannot hold.
  WrittenTensor write(const TensorView& tensor, DType dtype);

 private:
  const Checkpoint& checkpoint_;
  AtomicFile& file_;
  std::size_t unreleased_bytes_ = 0;
};

}  // namespace glossa::checkpoint
