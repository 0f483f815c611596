#include "train/tensor_file.h"

#include <cstring>
#include <nlohmann/json.hpp>
#include <span>
#include <vector>

#include "base/fail.h"
#include "base/mapped_file.h"
#include "checkpoint/archive_writer.h"

namespace glossa::train {
namespace {

using nlohmann::json;

constexpr std::uint64_t kLongestHeader = 64 << 20;

std::span<const std::byte> bytes_of(const torch::Tensor& tensor) {
  return {static_cast<const std::byte*>(tensor.data_ptr()), static_cast<std::size_t>(tensor.nbytes())};
}

}  // namespace

void write_tensor_file(const std::filesystem::path& path, const StateDict& tensors,
                       const Metadata& metadata) {
  json header = {{"__metadata__", metadata}};
  std::vector<torch::Tensor> plain;
  std::int64_t at = 0;
  for (const auto& [name, tensor] : tensors) {
    plain.push_back(tensor.detach().to(torch::kCPU, torch::kFloat32).contiguous());
    const auto size = static_cast<std::int64_t>(plain.back().nbytes());
    header[name] = {
        {"dtype", "F32"}, {"shape", plain.back().sizes().vec()}, {"data_offsets", {at, at + size}}};
    at += size;
  }
  std::string text = header.dump();
  text.resize((text.size() + 7) / 8 * 8, ' ');
  const std::uint64_t length = text.size();
  checkpoint::AtomicFile file(path);
  file.write(std::as_bytes(std::span(&length, 1)));
  file.write(text);
  for (const torch::Tensor& tensor : plain) file.write(bytes_of(tensor));
  file.commit();
}

TensorFile read_tensor_file(const std::filesystem::path& path) {
  const MappedFile file(path);
  const std::span<const std::byte> all = file.bytes();
  const auto fail = [&](const std::string& what) {
    fail_bad_input("{}: not a file of tensors: {}", path.string(), what);
  };
  std::uint64_t length = 0;
  if (all.size() < sizeof length) fail("shorter than its header");
  std::memcpy(&length, all.data(), sizeof length);
  if (length > kLongestHeader || length > all.size() - sizeof length) fail("shorter than its header");
  const auto text = all.subspan(sizeof length, length);
  const auto data = all.subspan(sizeof length + length);
  TensorFile result;
  try {
    const json header = json::parse(reinterpret_cast<const char*>(text.data()),
                                    reinterpret_cast<const char*>(text.data()) + text.size());
    for (const auto& [name, entry] : header.items()) {
      if (name == "__metadata__") {
        result.metadata = entry.get<Metadata>();
        continue;
      }
      const auto shape = entry.at("shape").get<std::vector<std::int64_t>>();
      const auto offsets = entry.at("data_offsets").get<std::vector<std::uint64_t>>();
      if (entry.at("dtype") != "F32")
        fail(fmt::format("{} is {}, expected F32", name, entry["dtype"].dump()));
      std::uint64_t size = sizeof(float);
      for (const std::int64_t side : shape) {
        if (side < 0 || (side > 0 && size > data.size() / static_cast<std::uint64_t>(side)))
          fail(fmt::format("{} does not fit", name));
        size *= static_cast<std::uint64_t>(side);
      }
      if (offsets.size() != 2 || offsets[0] > offsets[1] || offsets[1] > data.size() ||
          offsets[1] - offsets[0] != size) {
        fail(fmt::format("{} lies outside the file", name));
      }
      torch::Tensor tensor = torch::empty(shape, torch::kFloat32);
      std::memcpy(tensor.data_ptr(), data.data() + offsets[0], size);
      result.tensors.emplace(name, std::move(tensor));
    }
  } catch (const json::exception& error) {
    fail(error.what());
  }
  return result;
}

}  // namespace glossa::train
