#include "checkpoint/nemo_reader.h"

#include <fmt/format.h>

#include <new>
#include <utility>

#include "base/fail.h"
#include "base/gzip.h"
#include "base/mapped_file.h"
#include "base/printable.h"
#include "base/tar_reader.h"
#include "base/zip_reader.h"
#include "checkpoint/archive_writer.h"
#include "checkpoint/config_parser.h"
#include "checkpoint/indexed_checkpoint.h"
#include "checkpoint/torch_zip.h"
#include "model/tensor_spec.h"

namespace glossa::checkpoint {
namespace {

constexpr std::string_view kConfigName = "model_config.yaml";
constexpr std::string_view kWeightsName = "model_weights.ckpt";
constexpr std::string_view kReference = "nemo:";
constexpr std::string_view kTokenizerSuffix = "tokenizer.model";

class NemoCheckpoint final : public IndexedCheckpoint {
 public:
  NemoCheckpoint(std::span<const std::byte> bytes, std::shared_ptr<const MappedFile> file, std::string source)
      : IndexedCheckpoint(std::move(source)), file_(std::move(file)) {
    if (is_gzip(bytes)) {
      inflated_ = gunzip(bytes, source_);
      bytes = inflated_;
      file_.reset();
    }
    weights_ = sort_members(bytes);
    ParsedConfig parsed = parse_config(config_yaml_, source_);
    config_ = std::move(parsed.config);
    tokenizer_model_ = find_tokenizer(parsed.tokenizer_model);
    tensors_ = read_torch_zip(weights_, model::tensor_specs(config_), source_, storage_);
    index();
  }

  std::string fingerprint() const override {
    std::string text = config_yaml_;
    for (const ZipEntry& entry : read_zip(weights_, source_)) {
      // Some writers leave the checksum out.
      const std::uint32_t checksum =
          entry.crc32 != 0 || entry.bytes.empty() ? entry.crc32 : crc32_of(entry.bytes);
      text += fmt::format("\n{} {} {:08x}", entry.name, entry.bytes.size(), checksum);
    }
    return text;
  }
  void release_pages() const override {
    if (file_ != nullptr) file_->release_pages();
  }

 private:
  // Takes the configuration and the artifacts; returns the weights.
  std::span<const std::byte> sort_members(std::span<const std::byte> archive) {
    bool has_config = false;
    bool has_weights = false;
    std::span<const std::byte> weights;
    for (TarMember& member : read_tar(archive, source_)) {
      if (member.name == kConfigName) {
        has_config = true;
        config_yaml_.assign(reinterpret_cast<const char*>(member.bytes.data()), member.bytes.size());
      } else if (member.name == kWeightsName) {
        has_weights = true;
        weights = member.bytes;
      } else {
        artifacts_.push_back({std::move(member.name), member.bytes});
      }
    }
    if (!has_config)
      fail_bad_input("{}: not a .nemo checkpoint: the archive has no {}", source_, kConfigName);
    if (!has_weights)
      fail_bad_input("{}: not a .nemo checkpoint: the archive has no {}", source_, kWeightsName);
    return weights;
  }

  // The artifact that the configuration names, else the only one that looks like it.
  std::span<const std::byte> find_tokenizer(std::string_view reference) const {
    if (reference.starts_with(kReference)) {
      const std::string_view name = reference.substr(kReference.size());
      for (const Artifact& artifact : artifacts_) {
        if (artifact.name == name) return artifact.bytes;
      }
    }
    const Artifact* only = nullptr;
    for (const Artifact& artifact : artifacts_) {
      if (!artifact.name.ends_with(kTokenizerSuffix)) continue;
      if (only != nullptr) {
        fail_bad_input(
            "{}: tokenizer.model_path is '{}', which the archive does not have, and both '{}' and '{}' could "
            "be meant",
            source_, printable(reference), printable(only->name), printable(artifact.name));
      }
      only = &artifact;
    }
    if (only == nullptr) {
      fail_bad_input(
          "{}: the archive has no SentencePiece model (tokenizer.model_path is '{}'; expected "
          "'nemo:<member>' or one "
          "member named *{})",
          source_, printable(reference), kTokenizerSuffix);
    }
    return only->bytes;
  }

  std::shared_ptr<const MappedFile> file_;       // what the views point into; may be null
  std::vector<std::byte> inflated_;              // instead, when the tar is compressed
  std::span<const std::byte> weights_;           // the torch zip
  std::vector<std::vector<std::byte>> storage_;  // tensors that were not contiguous
};

}  // namespace

std::shared_ptr<const Checkpoint> read_nemo_bytes(std::span<const std::byte> bytes,
                                                  std::shared_ptr<const MappedFile> file,
                                                  const std::string& source) {
  try {
    return std::make_shared<NemoCheckpoint>(bytes, std::move(file), source);
  } catch (const std::bad_alloc&) {
    fail_bad_input("{}: not enough memory to read the checkpoint", source);
  }
}

std::shared_ptr<const Checkpoint> read_nemo(const std::filesystem::path& path) {
  const auto file = std::make_shared<const MappedFile>(path);
  return read_nemo_bytes(file->bytes(), file, path.string());
}

}  // namespace glossa::checkpoint
