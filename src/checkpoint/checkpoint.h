// A checkpoint in memory: configuration, tokenizer and tensors, whatever file they came from.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "model/model_config.h"

namespace glossa::checkpoint {

// How numbers are stored: one by one, or in ggml's blocks that share a scale (checkpoint/block_formats.h).
enum class DType { kF32, kF16, kBF16, kQ8_0, kQ4_0, kQ4_K, kQ5_K, kQ6_K };
std::string_view dtype_name(DType dtype);  // "f32", "bf16", "q4_k"
std::optional<DType> dtype_named(std::string_view name);
std::int64_t block_size(DType dtype);  // numbers of a block; 1 for f32, f16 and bf16
std::size_t dtype_size(DType dtype);   // bytes of a block
bool is_block_format(DType dtype);
// Bytes of that many numbers, whole blocks.
std::uint64_t stored_bytes(DType dtype, std::int64_t numbers);

// A part of a file for which the file carries a CRC-32. Any thread may compare; the bytes are read once.
class Checksum {
 public:
  // `record`: what the file calls the part. The bytes belong to the Checkpoint.
  Checksum(std::string file, std::string record, std::span<const std::byte> bytes, std::uint32_t crc32)
      : file_(std::move(file)), record_(std::move(record)), bytes_(bytes), crc32_(crc32) {}

  // Error kBadInput, naming file, record and both checksums, when the bytes have another one.
  void compare() const;

 private:
  std::string file_;
  std::string record_;
  std::span<const std::byte> bytes_;
  std::uint32_t crc32_;
  mutable std::atomic<bool> compared_{false};
};

// A contiguous row-major tensor; its rows are whole blocks. The bytes belong to the Checkpoint (often the
// mapped file) and may be unaligned.
struct TensorView {
  std::string name;
  DType dtype = DType::kF32;
  std::vector<std::int64_t> shape;
  std::span<const std::byte> bytes;
  std::shared_ptr<const Checksum> checksum = {};  // of the record that holds it; null: the file has none

  std::int64_t elements() const;
  // For whoever reads all bytes: Error kBadInput when they are not those that the file's checksum is of.
  void check() const;
  std::vector<float> to_f32() const;  // widened copy, after check()
};

// A file beside the weights, e.g. the tokenizer: kept so that a rewritten .nemo is complete.
struct Artifact {
  std::string name;  // as in a .nemo, without "./"
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

// Reads a .nemo or a GGUF file, whichever the first bytes say it is, or a folder of Hugging Face's
// transformers. Messages call it `source`, or by its path.
std::shared_ptr<const Checkpoint> read_checkpoint(const std::filesystem::path& path,
                                                  const std::string& source = {});

// The files that a checkpoint is read from: the path itself, or those of a folder.
std::vector<std::filesystem::path> checkpoint_files(const std::filesystem::path& path);

// Reads a .nemo: POSIX tar (also gzip-compressed) with model_config.yaml, model_weights.ckpt (torch zip) and
// tokenizer. An uncompressed tar is memory-mapped and its tensors point into the mapping. Every tensor is
// checked by name and shape against tensor_specs(). Error kBadInput for anything unusable; never executes
// what a pickle asks for.
std::shared_ptr<const Checkpoint> read_nemo(const std::filesystem::path& path);

// Reads a GGUF file of the layout in docs/checkpoint.md, memory-mapped, with the names and shapes of a .nemo.
// config_yaml() and the artifacts are made from its metadata; the front end's constants that the file does
// not have are computed. Error kBadInput for anything unusable.
std::shared_ptr<const Checkpoint> read_gguf(const std::filesystem::path& path);

// Reads a folder as transformers' save_pretrained() leaves it: config.json, processor_config.json,
// tokenizer.json and model.safetensors, which is memory-mapped; names and shapes are those of a .nemo.
// config_yaml() and the artifacts are made of the folder's files. Error kBadInput for anything unusable.
std::shared_ptr<const Checkpoint> read_transformers(const std::filesystem::path& path);

// Parses the text of a model_config.yaml. `source` is for messages.
model::ModelConfig parse_model_config(const std::string& yaml, const std::string& source);

struct NemoContents {
  std::string config_yaml;
  std::vector<Artifact> artifacts;  // names as referenced by "nemo:<name>" in the YAML
  std::vector<TensorView> tensors;  // in file order
};

// Called after each tensor with the number of its elements. May throw to end the work.
using TensorDone = std::function<void(std::int64_t elements)>;

// What went into a file, to compare with what is read back.
struct WrittenTensor {
  std::string name;  // in the state dict
  DType dtype = DType::kF32;
  std::uint32_t crc32 = 0;  // of its bytes in the file
};

// Called with the whole file, or folder, while it has a temporary name yet. May throw: then nothing is
// replaced.
using FileDone =
    std::function<void(const std::filesystem::path& file, std::span<const WrittenTensor> written)>;

// Writes a .nemo that NeMo loads: uncompressed PAX tar, torch zip with 64-byte aligned records. Written
// beside `path` and renamed, so an interrupted write leaves no half file. Error kBadInput when the disk
// refuses, and for damaged tensors.
void write_nemo(const std::filesystem::path& path, const NemoContents& contents, const TensorDone& done = {},
                const FileDone& check = {});

// The contents of a checkpoint with model weights rounded to `dtype`, f32, f16 or bf16 (preprocessor.* stays
// f32). The returned views point into `checkpoint` or into `storage`, which must both outlive them.
NemoContents contents_of(const Checkpoint& checkpoint, DType dtype,
                         std::vector<std::vector<std::byte>>& storage, const TensorDone& done = {});

// Writes a GGUF file with the matrices of linear layers in `dtype` (f32, f16, bf16, q8_0 or q4_k), tensor by
// tensor, so that memory stays small. As write_nemo(), it leaves no half file. Error kInvalidArgument for
// numbers and names of languages that the format cannot hold.
std::vector<WrittenTensor> write_gguf(const std::filesystem::path& path, const Checkpoint& checkpoint,
                                      DType dtype, const TensorDone& done = {}, const FileDone& check = {});

// Writes a folder that transformers loads, all weights in `dtype` (f32, f16 or bf16), tensor by tensor. The
// folder must be new or empty; it appears only when it is complete. Error kInvalidArgument for what
// transformers' classes cannot hold: transformers_config.h.
std::vector<WrittenTensor> write_transformers(const std::filesystem::path& path, const Checkpoint& checkpoint,
                                              DType dtype, const TensorDone& done = {},
                                              const FileDone& check = {});

}  // namespace glossa::checkpoint
