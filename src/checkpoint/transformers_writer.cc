#include <algorithm>
#include <cmath>
#include <cstring>
#include <map>
#include <utility>

#include "base/base64.h"
#include "base/fail.h"
#include "checkpoint/archive_writer.h"
#include "checkpoint/atomic_folder.h"
#include "checkpoint/checkpoint.h"
#include "checkpoint/config_parser.h"
#include "checkpoint/safetensors_file.h"
#include "checkpoint/tensor_writer.h"
#include "checkpoint/transformers_config.h"
#include "checkpoint/transformers_layout.h"
#include "checkpoint/transformers_tokenizer.h"
#include "features/log_mel.h"
#include "model/tensor_spec.h"

namespace glossa::checkpoint {
namespace {

void write_file(const std::filesystem::path& path, std::span<const std::byte> bytes) {
  AtomicFile file(path);
  file.write(bytes);
  file.commit();
}

std::span<const std::byte> bytes_of(const std::string& text) { return std::as_bytes(std::span(text)); }

// A constant of the front end that is not `computed`, bit for bit, as a word. transformers computes it, and
// would hear other features where it is another one.
void add_front_end(const Checkpoint& checkpoint, const char* name, const std::vector<float>& computed,
                   const char* key, std::map<std::string, std::string>& metadata) {
  const TensorView* tensor = checkpoint.find(name);
  if (tensor == nullptr) return;
  const std::vector<float> own = tensor->to_f32();
  if (std::memcmp(own.data(), computed.data(), own.size() * sizeof(float)) == 0) return;
  constexpr float kRounding = 1e-6F;
  for (std::size_t index = 0; index < own.size(); ++index) {
    if (!(std::abs(own[index] - computed[index]) <= kRounding)) {
      fail_invalid_argument("{}: {} has {} at {} (expected {}, which transformers computes)",
                            checkpoint.source(), name, own[index], index, computed[index]);
    }
  }
  metadata[key] = to_base64(std::as_bytes(std::span(own)));
}

std::map<std::string, std::string> metadata_of(const Checkpoint& checkpoint) {
  const model::FeatureConfig& features = checkpoint.config().features;
  std::map<std::string, std::string> metadata{{"format", "pt"}};  // which transformers asks for
  add_front_end(checkpoint, "preprocessor.featurizer.window", features::hann_window(features.window),
                kWindowWord, metadata);
  add_front_end(checkpoint, "preprocessor.featurizer.fb", features::slaney_filters(features), kFiltersWord,
                metadata);
  return metadata;
}

std::vector<WrittenTensor> write_weights(const std::filesystem::path& path, const Checkpoint& checkpoint,
                                         DType dtype, const TensorDone& done) {
  std::vector<const TensorView*> tensors;
  std::vector<SafetensorsPlan> plan;
  for (const model::TensorSpec& spec : model::tensor_specs(checkpoint.config())) {
    if (spec.optional) continue;
    tensors.push_back(&checkpoint.tensor(spec.name));
    plan.push_back({transformers_name(spec.name), dtype, spec.shape});
  }
  AtomicFile file(path);
  file.write(safetensors_header(plan, metadata_of(checkpoint)));
  TensorWriter writer(checkpoint, file);
  std::vector<WrittenTensor> written;
  for (const TensorView* tensor : tensors) {
    written.push_back(writer.write(*tensor, dtype));
    if (done) done(tensor->elements());
  }
  file.commit();
  return written;
}

}  // namespace

std::vector<WrittenTensor> write_transformers(const std::filesystem::path& path, const Checkpoint& checkpoint,
                                              DType dtype, const TensorDone& done, const FileDone& check) {
  safetensors_dtype(dtype);  // refuses what no such file can hold
  const model::ModelConfig& config = checkpoint.config();
  const auto tokenizer =
      write_transformers_tokenizer(checkpoint.tokenizer_model(), config.has_prompt(), checkpoint.source());
  const auto files =
      write_transformers_config(config, parse_config_extras(checkpoint.config_yaml(), checkpoint.source()),
                                dtype, tokenizer.padding_id, checkpoint.source());
  AtomicFolder folder(path, kConfigFile);
  for (const auto& [name, text] : files) write_file(folder.files() / name, bytes_of(text));
  write_file(folder.files() / kTokenizerFile, bytes_of(tokenizer.tokenizer));
  write_file(folder.files() / kTokenizerConfigFile, bytes_of(tokenizer.tokenizer_config));
  write_file(folder.files() / kSentencePieceFile, checkpoint.tokenizer_model());
  auto written = write_weights(folder.files() / kWeightsFile, checkpoint, dtype, done);
  if (check) check(folder.files(), written);
  folder.commit();
  return written;
}

}  // namespace glossa::checkpoint
