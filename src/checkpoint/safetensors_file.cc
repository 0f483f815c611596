#include "checkpoint/safetensors_file.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/fail.h"
#include "base/printable.h"
#include "checkpoint/bounded_json.h"

namespace glossa::checkpoint {
namespace {

using nlohmann::json;

constexpr std::uint64_t kLongestHeader = 16 << 20;  // a tensor's entry has some 100 bytes
constexpr std::uint64_t kNumberAlignment = 8;       // of the numbers, as the reference library aligns them

constexpr std::array<std::pair<std::string_view, DType>, 3> kDTypes = {
    {{"F32", DType::kF32}, {"F16", DType::kF16}, {"BF16", DType::kBF16}}};

// Bytes of that many numbers; none when they do not fit into `most`.
std::optional<std::uint64_t> bytes_of(const std::vector<std::int64_t>& shape, std::uint64_t size_of_number,
                                      std::uint64_t most) {
  std::uint64_t size = size_of_number;
  for (const std::int64_t side : shape) {
    if (side > 0 && size > most / static_cast<std::uint64_t>(side)) return std::nullopt;
    size *= static_cast<std::uint64_t>(side);
  }
  return size;
}

std::vector<std::int64_t> integers(const json& list, std::string_view what, const std::string& name,
                                   const std::string& source) {
  constexpr std::uint64_t kMost = std::uint64_t{1} << 62;
  std::vector<std::int64_t> numbers;
  for (const json& entry : list) {
    const auto number = unsigned_of(entry);
    if (!number || *number > kMost) {
      fail_bad_input("{}: not a safetensors file: {} of {} has {} (expected sizes)", source, what,
                     printable(name), shown(entry));
    }
    numbers.push_back(static_cast<std::int64_t>(*number));
  }
  return numbers;
}

SafetensorsEntry read_entry(const std::string& name, const json& entry, std::span<const std::byte> data,
                            const std::string& source) {
  SafetensorsEntry read{
      name, entry.at("dtype").get<std::string>(), integers(entry.at("shape"), "shape", name, source), {}};
  const auto offsets = integers(entry.at("data_offsets"), "data_offsets", name, source);
  const auto size = static_cast<std::int64_t>(data.size());
  if (offsets.size() != 2 || offsets[0] > offsets[1]) {
    fail_bad_input(
        "{}: not a safetensors file: data_offsets of {} are {} (expected where it begins and ends)", source,
        printable(name), shown(entry.at("data_offsets")));
  }
  if (offsets[1] > size) {
    fail_bad_input("{}: the file is cut off: {} ends at byte {} of the tensor data, which has {}", source,
                   printable(name), offsets[1], size);
  }
  read.bytes =
      data.subspan(static_cast<std::size_t>(offsets[0]), static_cast<std::size_t>(offsets[1] - offsets[0]));
  if (const auto dtype = dtype_of_safetensors(read.dtype)) {
    const auto bytes = bytes_of(read.shape, dtype_size(*dtype), data.size());
    if (bytes != read.bytes.size()) {
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
  const auto header = parse_bounded<json>({text, length}, source_);
  std::uint64_t bound = 0;  // bytes, those of several tensors counted as often
  try {
    for (const auto& [name, entry] : header.items()) {
      if (name == "__metadata__") {
        metadata_ = entry.get<std::map<std::string, std::string>>();
        continue;
      }
      entries_.push_back(read_entry(name, entry, data, source_));
      bound += entries_.back().bytes.size();
      if (bound / 2 > data.size()) {
        fail_bad_input("{}: the tensors up to {} have {} bytes, more than twice the {} of the tensor data",
                       source_, printable(name), bound, data.size());
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
  text.resize((text.size() + kNumberAlignment - 1) / kNumberAlignment * kNumberAlignment, ' ');
  const std::uint64_t length = text.size();
  std::string out(sizeof length, '\0');
  std::memcpy(out.data(), &length, sizeof length);
  return out + text;
}

}  // namespace glossa::checkpoint
