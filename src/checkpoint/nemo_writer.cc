#include <cstdint>
#include <unordered_set>

#include "base/fail.h"
#include "base/printable.h"
#include "checkpoint/archive_writer.h"
#include "checkpoint/checkpoint.h"
#include "checkpoint/torch_pickle.h"

namespace glossa::checkpoint {
namespace {

std::span<const std::byte> as_bytes(std::string_view text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

void check_artifact_names(const NemoContents& contents) {
  std::unordered_set<std::string_view> names{"model_config.yaml", "model_weights.ckpt"};
  for (const Artifact& artifact : contents.artifacts) {
    const std::string& name = artifact.name;
    const bool plain = !name.empty() && name != "." && name != ".." && name.find('/') == std::string::npos &&
                       name.find('\0') == std::string::npos;
    if (!plain || !names.insert(name).second) {
      fail_invalid_argument(
          "'{}' cannot be the name of an artifact in a .nemo (expected a plain file name that is not taken)",
          printable(name));
    }
  }
}

void check_tensors(const NemoContents& contents) {
  std::unordered_set<std::string_view> names;
  for (const TensorView& tensor : contents.tensors) {
    const auto expected = stored_bytes(tensor.dtype, tensor.elements());
    if (tensor.bytes.size() != expected) {
      fail_invalid_argument("tensor {} has {} bytes (expected {} for its shape)", tensor.name,
                            tensor.bytes.size(), expected);
    }
    if (!names.insert(tensor.name).second)
      fail_invalid_argument("tensor {} is to be written twice", tensor.name);
  }
}

void write_member(AtomicFile& file, const std::string& name, std::span<const std::byte> bytes) {
  file.write(tar_header("./" + name, bytes.size(), '0'));
  file.write(bytes);
  file.write(tar_padding(bytes.size()));
}

// model_weights.ckpt: what torch.save(state_dict) writes. Tensors go from their views to the disk one by one.
std::vector<WrittenTensor> write_weights(AtomicFile& file, std::span<const TensorView> tensors,
                                         const TensorDone& done) {
  const std::string pickle = write_state_dict(tensors);
  struct Record {
    std::string name;
    std::span<const std::byte> bytes;
    std::int64_t elements = 0;
    const TensorView* tensor = nullptr;
  };
  std::vector<Record> records{{"data.pkl", as_bytes(pickle)}, {"byteorder", as_bytes("little")}};
  for (std::size_t index = 0; index < tensors.size(); ++index) {
    const TensorView& tensor = tensors[index];
    records.push_back({fmt::format("data/{}", index), tensor.bytes, tensor.elements(), &tensor});
  }
  records.push_back({"version", as_bytes("3\n")});

  StoredZip zip;
  for (const Record& record : records) zip.add("model_weights/" + record.name, record.bytes.size());
  const std::uint64_t size = zip.size();
  file.write(tar_header("./model_weights.ckpt", size, '0'));
  std::vector<WrittenTensor> written;
  for (std::size_t index = 0; index < records.size(); ++index) {
    // A damaged tensor must not get a checksum that fits.
    const TensorView* tensor = records[index].tensor;
    if (tensor != nullptr) tensor->check();
    const std::uint32_t crc32 = crc32_of(records[index].bytes);
    if (tensor != nullptr) written.push_back({tensor->name, tensor->dtype, crc32});
    file.write(zip.local_header(index, crc32));
    file.write(records[index].bytes);
    if (done) done(records[index].elements);
  }
  file.write(zip.central_directory());
  file.write(tar_padding(size));
  return written;
}

}  // namespace

void write_nemo(const std::filesystem::path& path, const NemoContents& contents, const TensorDone& done,
                const FileDone& check) {
  check_artifact_names(contents);
  check_tensors(contents);
  AtomicFile file(path);
  file.write(tar_header("./", 0, '5'));
  for (const Artifact& artifact : contents.artifacts) write_member(file, artifact.name, artifact.bytes);
  write_member(file, "model_config.yaml", as_bytes(contents.config_yaml));
  const std::vector<WrittenTensor> written = write_weights(file, contents.tensors, done);
  // Two zero blocks end the archive; tar programs read records of 20 blocks.
  constexpr std::uint64_t kRecord = 20 * 512;
  const std::uint64_t end = file.written() + 2 * 512;
  file.write(std::string(2 * 512 + (kRecord - end % kRecord) % kRecord, '\0'));
  if (check) check(file.flushed(), written);
  file.commit();
}

}  // namespace glossa::checkpoint
