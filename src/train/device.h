// Where a run computes.
#pragma once

#include <string>

#include "train/torch.h"
#include "train/train_config.h"

namespace glossa::train {

// The GPU `local_rank` of this machine, counted round, or the CPU. Error kInvalidArgument for kGpu where this
// build's libtorch or this machine has none.
torch::Device choose_device(Accelerator accelerator, int local_rank);

// The device as a person would name it, "GPU 0" or "the CPU".
std::string device_name(torch::Device device);

// While it lives, products on a GPU round their f32 factors to TF32, and with `bf16` the layers that bear it
// compute in bf16 (PyTorch's autocast, of this thread). Sums stay f32. Nothing changes on the CPU.
class ComputePrecision {
 public:
  ComputePrecision(torch::Device device, bool bf16);
  ~ComputePrecision();
  ComputePrecision(const ComputePrecision&) = delete;
  ComputePrecision& operator=(const ComputePrecision&) = delete;

 private:
  bool autocasts_;
};

}  // namespace glossa::train
