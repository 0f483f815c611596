#include "train/tensor_file.h"

#include <cstring>
#include <span>
#include <vector>

#include "base/fail.h"
#include "base/mapped_file.h"
#include "checkpoint/archive_writer.h"
#include "checkpoint/safetensors_file.h"

namespace glossa::train {
namespace {

std::span<const std::byte> bytes_of(const torch::Tensor& tensor) {
  return {static_cast<const std::byte*>(tensor.data_ptr()), static_cast<std::size_t>(tensor.nbytes())};
}

}  // namespace

void write_tensor_file(const std::filesystem::path& path, const StateDict& tensors,
                       const Metadata& metadata) {
  std::vector<torch::Tensor> plain;
  std::vector<checkpoint::SafetensorsPlan> plan;
  for (const auto& [name, tensor] : tensors) {
    plain.push_back(tensor.detach().to(torch::kCPU, torch::kFloat32).contiguous());
    plan.push_back({name, checkpoint::DType::kF32, plain.back().sizes().vec()});
  }
  checkpoint::AtomicFile file(path);
  file.write(checkpoint::safetensors_header(plan, metadata));
  for (const torch::Tensor& tensor : plain) file.write(bytes_of(tensor));
  file.commit();
}

TensorFile read_tensor_file(const std::filesystem::path& path) {
  const MappedFile mapped(path);
  const checkpoint::SafetensorsFile file(mapped.bytes(), path.string());
  TensorFile result{{}, file.metadata()};
  for (const checkpoint::SafetensorsEntry& entry : file.entries()) {
    if (checkpoint::dtype_of_safetensors(entry.dtype) != checkpoint::DType::kF32)
      fail_bad_input("{}: {} is {} (expected F32)", path.string(), entry.name, entry.dtype);
    torch::Tensor tensor = torch::empty(entry.shape, torch::kFloat32);
    std::memcpy(tensor.data_ptr(), entry.bytes.data(), entry.bytes.size());
    result.tensors.emplace(entry.name, std::move(tensor));
  }
  return result;
}

}  // namespace glossa::train
