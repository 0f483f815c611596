#include "checkpoint/torch_zip.h"

#include <fmt/ranges.h>

#include <cstring>
#include <memory>
#include <optional>
#include <string_view>
#include <unordered_map>

#include "base/fail.h"
#include "base/printable.h"
#include "base/zip_reader.h"
#include "checkpoint/torch_pickle.h"

namespace glossa::checkpoint {
namespace {

bool equals(std::span<const std::byte> bytes, std::string_view text) {
  return std::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size()) == text;
}

std::optional<DType> dtype_of(std::string_view storage_type) {
  if (storage_type == "FloatStorage") return DType::kF32;
  if (storage_type == "HalfStorage") return DType::kF16;
  if (storage_type == "BFloat16Storage") return DType::kBF16;
  return std::nullopt;
}

class TorchZip {
 public:
  TorchZip(std::span<const std::byte> zip, const std::string& source)
      : source_(source), zip_size_(zip.size()) {
    if (zip.size() < 4 || std::memcmp(zip.data(), "PK\x03\x04", 4) != 0) {
      fail_bad_input("{}: not a zip archive (expected what torch.save writes since PyTorch 1.6)", source);
    }
    for (ZipEntry& entry : read_zip(zip, source)) {
      std::string name = entry.name;
      entries_.emplace(std::move(name), std::move(entry));
    }
    const ZipEntry& pickle = find_pickle();
    prefix_ = pickle.name.substr(0, pickle.name.size() - std::string_view("data.pkl").size());
    const auto byteorder = entries_.find(prefix_ + "byteorder");
    if (byteorder != entries_.end() && !equals(byteorder->second.bytes, "little")) {
      fail_bad_input("{}: the tensors are not little-endian (expected 'little' in {}byteorder)", source,
                     printable(prefix_));
    }
    if (pickle.crc32 != 0 && !crc_matches(pickle))  // 0: of a writer that leaves checksums out
      fail_bad_input("{}: {} is damaged (wrong CRC-32)", source, printable(pickle.name));
    for (PickledTensor& tensor : read_state_dict(pickle.bytes, source)) {
      std::string name = tensor.name;
      tensors_.emplace(std::move(name), std::move(tensor));
    }
  }

  std::vector<TensorView> bind(std::span<const model::TensorSpec> specs,
                               std::vector<std::vector<std::byte>>& storage) {
    std::vector<TensorView> views;
    for (const model::TensorSpec& spec : specs) {
      const auto found = tensors_.find(spec.name);
      if (found == tensors_.end()) {
        if (spec.optional) continue;
        fail_bad_input("{}: tensor {} is missing (expected [{}])", source_, spec.name,
                       fmt::join(spec.shape, ","));
      }
      views.push_back(view_of(found->second, spec, storage));
      tensors_.erase(found);
    }
    refuse_unknown();
    return views;
  }

 private:
  const ZipEntry& find_pickle() const {
    const ZipEntry* pickle = nullptr;
    for (const auto& [name, entry] : entries_) {
      if (name != "data.pkl" && !name.ends_with("/data.pkl")) continue;
      if (pickle != nullptr) fail_bad_input("{}: more than one data.pkl", source_);
      pickle = &entry;
    }
    if (pickle == nullptr) fail_bad_input("{}: no data.pkl (expected what torch.save writes)", source_);
    return *pickle;
  }

  // The smallest name, so that the message does not depend on the hash table.
  void refuse_unknown() const {
    const PickledTensor* unknown = nullptr;
    for (const auto& [name, tensor] : tensors_) {
      if (!model::is_ignored_tensor(name) && (unknown == nullptr || name < unknown->name)) unknown = &tensor;
    }
    if (unknown != nullptr) {
      fail_bad_input(
          "{}: tensor {} of shape [{}] does not belong to the model that the configuration describes",
          source_, printable(unknown->name), fmt::join(unknown->shape, ","));
    }
  }

  TensorView view_of(const PickledTensor& tensor, const model::TensorSpec& spec,
                     std::vector<std::vector<std::byte>>& storage) {
    // First of all: from here on the numbers are no larger than those of a validated configuration.
    if (tensor.shape != spec.shape) {
      fail_bad_input("{}: {} is [{}], expected [{}]", source_, spec.name, fmt::join(tensor.shape, ","),
                     fmt::join(spec.shape, ","));
    }
    const auto dtype = dtype_of(tensor.storage_type);
    if (!dtype) {
      fail_bad_input("{}: {} is stored as {} (expected FloatStorage, HalfStorage or BFloat16Storage)",
                     source_, spec.name, tensor.storage_type);
    }
    const ZipEntry& entry = storage_record(tensor, dtype_size(*dtype));
    const auto record = entry.bytes;
    TensorView view{spec.name, *dtype, tensor.shape, {}, checksum_of(entry)};
    const auto size = static_cast<std::uint64_t>(view.elements()) * dtype_size(*dtype);
    if (tensor.is_contiguous()) {
      // Two tensors may be one (tied weights), but many that share a storage would claim any amount of
      // memory.
      viewed_ += size;
      if (viewed_ / 2 > zip_size_) {
        fail_bad_input("{}: the tensors up to {} have {} bytes, more than twice the archive's {}", source_,
                       spec.name, viewed_, zip_size_);
      }
      view.bytes = record.subspan(static_cast<std::uint64_t>(tensor.offset) * dtype_size(*dtype), size);
      return view;
    }
    // Expanded tensors (stride 0) would let a small file claim any amount of memory.
    copied_ += size;
    if (size > record.size() || copied_ > zip_size_) {
      fail_bad_input("{}: {} is not contiguous and has {} bytes, more than its storage of {} can hold",
                     source_, spec.name, size, record.size());
    }
    storage.push_back(gathered(tensor, record, dtype_size(*dtype), size));
    view.bytes = storage.back();
    return view;
  }

  const ZipEntry& storage_record(const PickledTensor& tensor, std::size_t element_size) const {
    const auto found = entries_.find(fmt::format("{}data/{}", prefix_, tensor.storage_key));
    if (found == entries_.end()) {
      fail_bad_input("{}: {}: there is no record {}data/{}", source_, tensor.name, printable(prefix_),
                     printable(tensor.storage_key));
    }
    const auto bytes = found->second.bytes;
    if (bytes.size() % element_size != 0 ||
        bytes.size() / element_size != static_cast<std::uint64_t>(tensor.storage_elements)) {
      fail_bad_input("{}: {}: record {} has {} bytes (expected {} elements of {} bytes)", source_,
                     tensor.name, printable(found->first), bytes.size(), tensor.storage_elements,
                     element_size);
    }
    return found->second;
  }

  // One for all tensors of a storage. Null where the writer has left the checksum out.
  std::shared_ptr<const Checksum> checksum_of(const ZipEntry& entry) {
    if (entry.crc32 == 0) return nullptr;
    auto& checksum = checksums_[entry.name];
    if (checksum == nullptr)
      checksum = std::make_shared<const Checksum>(source_, entry.name, entry.bytes, entry.crc32);
    return checksum;
  }

  // Row-major copy; the pickle reader has checked that no element lies beyond the storage.
  static std::vector<std::byte> gathered(const PickledTensor& tensor, std::span<const std::byte> record,
                                         std::size_t element_size, std::uint64_t size) {
    std::vector<std::byte> bytes(size);
    std::vector<std::int64_t> at(tensor.shape.size(), 0);
    for (std::uint64_t to = 0; to < size; to += element_size) {
      std::int64_t from = tensor.offset;
      for (std::size_t axis = 0; axis < at.size(); ++axis) from += at[axis] * tensor.stride[axis];
      std::memcpy(bytes.data() + to, record.data() + static_cast<std::uint64_t>(from) * element_size,
                  element_size);
      for (std::size_t axis = at.size(); axis-- > 0;) {
        if (++at[axis] < tensor.shape[axis]) break;
        at[axis] = 0;
      }
    }
    return bytes;
  }

  const std::string& source_;
  std::uint64_t zip_size_;
  std::uint64_t viewed_ = 0;  // bytes of the tensors that are views
  std::uint64_t copied_ = 0;  // of the others
  std::string prefix_;
  std::unordered_map<std::string, ZipEntry> entries_;
  std::unordered_map<std::string_view, std::shared_ptr<const Checksum>> checksums_;  // by name of the entry
  std::unordered_map<std::string, PickledTensor> tensors_;
};

}  // namespace

std::vector<TensorView> read_torch_zip(std::span<const std::byte> zip,
                                       std::span<const model::TensorSpec> specs, const std::string& source,
                                       std::vector<std::vector<std::byte>>& storage) {
  return TorchZip(zip, source).bind(specs, storage);
}

}  // namespace glossa::checkpoint
