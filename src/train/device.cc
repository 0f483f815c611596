#include "train/device.h"

#include <ATen/autocast_mode.h>
#include <fmt/format.h>

#include "base/fail.h"

namespace glossa::train {
namespace {

void set_autocast(bool enabled) {
#if GLOSSA_TORCH_2
  at::autocast::set_autocast_enabled(at::kCUDA, enabled);
  if (enabled) at::autocast::set_autocast_dtype(at::kCUDA, at::kBFloat16);
#else
  at::autocast::set_enabled(enabled);
  if (enabled) at::autocast::set_autocast_gpu_dtype(at::kBFloat16);
#endif
}

}  // namespace

torch::Device choose_device(Accelerator accelerator, int local_rank) {
  if (accelerator == Accelerator::kCpu) return torch::kCPU;
  const auto count = torch::cuda::is_available() ? static_cast<int>(torch::cuda::device_count()) : 0;
  if (count > 0) return {torch::kCUDA, static_cast<c10::DeviceIndex>(local_rank % count)};
  if (accelerator == Accelerator::kAuto) return torch::kCPU;
  fail_invalid_argument(
      "trainer.accelerator is gpu, but libtorch {} finds no CUDA device (expected a build against a libtorch "
      "with CUDA, and a driver; docs/training.md says how)",
      TORCH_VERSION);
}

std::string device_name(torch::Device device) {
  return device.is_cpu() ? "the CPU" : fmt::format("GPU {}", static_cast<int>(device.index()));
}

ComputePrecision::ComputePrecision(torch::Device device, bool bf16) : autocasts_(device.is_cuda() && bf16) {
  if (device.is_cuda()) at::globalContext().setAllowTF32CuBLAS(true);
  if (autocasts_) set_autocast(true);
}

ComputePrecision::~ComputePrecision() {
  if (!autocasts_) return;
  at::autocast::clear_cache();
  set_autocast(false);
}

}  // namespace glossa::train
