// The data.pkl of a torch zip: a pickled state dict, read without executing anything.
//
// A pickle is a program for a stack machine that may call any Python function. This reader knows only the
// opcodes and the handful of functions that torch.save uses for tensors; anything else is an error that names
// it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "checkpoint/checkpoint.h"

namespace glossa::checkpoint {

// One entry of the state dict. All numbers are not negative and offset + extent fits the storage; whether the
// storage record of the zip has that many bytes is for the caller to check.
struct PickledTensor {
  std::string name;
  std::string storage_type;  // as in Python, e.g. "FloatStorage"
  std::string storage_key;   // record data/<key>
  std::int64_t storage_elements = 0;
  std::int64_t offset = 0;  // in elements
  std::vector<std::int64_t> shape;
  std::vector<std::int64_t> stride;  // in elements

  bool is_contiguous() const;  // row-major without gaps
};

// The tensors of a state dict in file order. Error kBadInput, naming `source`.
std::vector<PickledTensor> read_state_dict(std::span<const std::byte> pickle, const std::string& source);

// The pickle (protocol 2) of an OrderedDict with these tensors, contiguous, tensor i in the storage with key
// "i".
std::string write_state_dict(std::span<const TensorView> tensors);

}  // namespace glossa::checkpoint
