#include "checkpoint/safetensors_file.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/fail.h"
#include "base/printable.h"

namespace glossa::checkpoint {
namespace {

using nlohmann::json;

constexpr std::uint64_t kLongestHeader = 100'000'000;  // the reference library's limit
constexpr std::uint64_t kAlignment = 8;                // of the numbers, as the reference library aligns them

constexpr std::array<std::pair<std::string_view, DType>, 3> kDTypes = {
    {{"F32", DType::kF32}, {"F16", DType::kF16}, {"BF16", DType::kBF16}}};

// Bytes of that many numbers; none when they do not fit into `most`.
std::optional<std::uint64_t> bytes_of(const std::vector<std::int64_t>& shape, std::uint64_t size_of_number,
                                      std::uint64_t most) {
  std::uint64_t size = size_of_number;
  for (const std::int64_t side : shape) {
    if (side < 0 || (side > 0 && size > most / static_cast<std::uint64_t>(side))) return std::nullopt;
    size *= static_cast<std::uint64_t>(side);
  }
  return size;
}

SafetensorsEntry read_entry(const std::string& name, const json& entry, std::span<const std::byte> data,
                            const std::string& source) {
  SafetensorsEntry read{
      name, entry.at("dtype").get<std::string>(), entry.at("shape").get<std::vector<std::int64_t>>(), {}};
  const auto offsets = entry.at("data_offsets").get<std::array<std::uint64_t, 2>>();
  if (offsets[0] > offsets[1] || offsets[1] > data.size()) {
    fail_bad_input(
        "{}: not a safetensors file: {} is at {} to {} (expected within the {} bytes behind the header)",
        source, printable(name), offsets[0], offsets[1], data.size());
  }
  read.bytes = data.subspan(offsets[0], offsets[1] - offsets[0]);
  if (const auto dtype = dtype_of_safetensors(read.dtype)) {
    const auto size = bytes_of(read.shape, dtype_size(*dtype), data.size());
    if (size != read.bytes.size()) {
      fail_bad_input("{}: not a safetensors file: {} has {} bytes, which its shape does not", source,
                     printable(name), read.bytes.size());
    }
  }
  return read;
}

}  // namespace

SafetensorsFile::SafetensorsFile(std::span<const std::byte> bytes, std::string source)
    : source_(std::move(source)) {
  std::uint64_t length = 0;
  if (bytes.size() >= sizeof length) std::memcpy(&length, bytes.data(), sizeof length);
  if (bytes.size() < sizeof length || length > kLongestHeader || length > bytes.size() - sizeof length) {
    fail_bad_input("{}: not a safetensors file: {} bytes are shorter than its header", source_, bytes.size());
  }
  const auto* text = reinterpret_cast<const char*>(bytes.data()) + sizeof length;
  const auto data = bytes.subspan(sizeof length + length);
  try {
    const json header = json::parse(text, text + length);
    if (!header.is_object()) fail_bad_input("{}: not a safetensors file: its header is no object", source_);
    for (const auto& [name, entry] : header.items()) {
      if (name == "__metadata__") {
        metadata_ = entry.get<std::map<std::string, std::string>>();
      } else {
        entries_.push_back(read_entry(name, entry, data, source_));
      }
    }
  } catch (const json::exception& error) {
    fail_bad_input("{}: not a safetensors file: {}", source_, printable(error.what()));
  }
}

std::string_view safetensors_dtype(DType dtype) {
  const auto* found =
      std::find_if(kDTypes.begin(), kDTypes.end(), [&](const auto& named) { return named.second == dtype; });
  if (found == kDTypes.end()) {
    fail_invalid_argument("a safetensors file cannot hold {} (expected f32, f16 or bf16)", dtype_name(dtype));
  }
  return found->first;
}

std::optional<DType> dtype_of_safetensors(std::string_view name) {
  for (const auto& [text, dtype] : kDTypes) {
    if (text == name) return dtype;
  }
  return std::nullopt;
}

std::string safetensors_header(std::span<const SafetensorsPlan> tensors,
                               const std::map<std::string, std::string>& metadata) {
  nlohmann::ordered_json header = {{"__metadata__", metadata}};
  std::uint64_t at = 0;
  for (const SafetensorsPlan& tensor : tensors) {
    std::int64_t numbers = 1;
    for (const std::int64_t side : tensor.shape) numbers *= side;
    const std::uint64_t end = at + stored_bytes(tensor.dtype, numbers);
    header[tensor.name] = {
        {"dtype", safetensors_dtype(tensor.dtype)}, {"shape", tensor.shape}, {"data_offsets", {at, end}}};
    at = end;
  }
  std::string text = header.dump();
  text.resize((text.size() + kAlignment - 1) / kAlignment * kAlignment, ' ');
  const std::uint64_t length = text.size();
  std::string out(sizeof length, '\0');
  std::memcpy(out.data(), &length, sizeof length);
  return out + text;
}

}  // namespace glossa::checkpoint
