// A checkpoint in memory: configuration, tokenizer and tensors, whatever file they came from.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "model/model_config.h"

namespace glossa::checkpoint {

enum class DType { kF32, kF16, kBF16 };
std::size_t dtype_size(DType dtype);
std::string_view dtype_name(DType dtype);  // "f32", "f16", "bf16"

// A contiguous row-major tensor. The bytes belong to the Checkpoint (often the mapped file) and may be
// unaligned.
struct TensorView {
  std::string name;
  DType dtype = DType::kF32;
  std::vector<std::int64_t> shape;
  std::span<const std::byte> bytes;

  std::int64_t elements() const;
  std::vector<float> to_f32() const;  // widened copy
};

// A file of the archive beside the weights, e.g. the tokenizer: kept so that a rewritten .nemo is complete.
struct Artifact {
  std::string name;  // as in the archive, without "./"
  std::span<const std::byte> bytes;
};

// Immutable; any thread may read. Everything the views point to lives as long as the Checkpoint.
class Checkpoint {
 public:
  virtual ~Checkpoint() = default;

  virtual const std::string& source() const = 0;                   // path, for messages
  virtual const model::ModelConfig& config() const = 0;            // validated
  virtual const std::string& config_yaml() const = 0;              // the text of model_config.yaml
  virtual std::span<const std::byte> tokenizer_model() const = 0;  // SentencePiece model proto
  virtual std::span<const Artifact> artifacts() const = 0;         // all but config and weights
  // Every tensor of model::tensor_specs(config()) that the file has, in that order, shapes checked.
  virtual std::span<const TensorView> tensors() const = 0;
  // The tensor, or nullptr when it is optional and absent.
  virtual const TensorView* find(std::string_view name) const = 0;
  // For whoever has copied what it needs: memory that only caches the file is given back. Views stay valid.
  virtual void release_pages() const = 0;
  // Text that is equal for checkpoints with equal configuration and tensors. Cheap: made of checksums that
  // the file carries, where it does.
  virtual std::string fingerprint() const = 0;
  // As find(), but a missing tensor is Error kBadInput.
  const TensorView& tensor(std::string_view name) const;
};

// Reads a .nemo: POSIX tar (also gzip-compressed) with model_config.yaml, model_weights.ckpt (torch zip) and
// tokenizer. An uncompressed tar is memory-mapped and its tensors point into the mapping. Every tensor is
// checked by name and shape against tensor_specs(). Error kBadInput for anything unusable; never executes
// what a pickle asks for.
std::shared_ptr<const Checkpoint> read_nemo(const std::filesystem::path& path);

// Parses the text of a model_config.yaml. `source` is for messages.
model::ModelConfig parse_model_config(const std::string& yaml, const std::string& source);

struct NemoContents {
  std::string config_yaml;
  std::vector<Artifact> artifacts;  // names as referenced by "nemo:<name>" in the YAML
  std::vector<TensorView> tensors;  // in file order
};

// Writes a .nemo that NeMo loads: uncompressed PAX tar, torch zip with 64-byte aligned records. Written
// beside `path` and renamed, so an interrupted write leaves no half file. Error kBadInput when the disk
// refuses.
void write_nemo(const std::filesystem::path& path, const NemoContents& contents);

// The contents of a checkpoint with model weights rounded to `dtype` (preprocessor.* stays f32). The returned
// views point into `checkpoint` or into `storage`, which must both outlive them.
NemoContents contents_of(const Checkpoint& checkpoint, DType dtype,
                         std::vector<std::vector<std::byte>>& storage);

}  // namespace glossa::checkpoint
