// A folder of Hugging Face's transformers as a checkpoint: docs/checkpoint.md.
#include <fmt/ranges.h>

#include <cstring>
#include <new>
#include <unordered_map>
#include <utility>

#include "base/base64.h"
#include "base/fail.h"
#include "base/printable.h"
#include "checkpoint/foreign_checkpoint.h"
#include "checkpoint/safetensors_file.h"
#include "checkpoint/transformers_config.h"
#include "checkpoint/transformers_folder.h"
#include "checkpoint/transformers_layout.h"
#include "checkpoint/transformers_tokenizer.h"
#include "features/log_mel.h"
#include "model/tensor_spec.h"

namespace glossa::checkpoint {
namespace {

class TransformersCheckpoint final : public ForeignCheckpoint {
 public:
  explicit TransformersCheckpoint(TransformersFolder folder)
      : ForeignCheckpoint(folder.source, std::move(folder.mapped)) {
    TransformersConfig read = read_transformers_config(folder);
    set_config(std::move(read.config), read.extras);
    set_tokenizer(read_transformers_tokenizer(folder, config_.predictor.vocabulary));
    bind(SafetensorsFile(folder.weights, folder.path_of(kWeightsFile)));
    index();
  }

 private:
  using Entries = std::unordered_map<std::string_view, const SafetensorsEntry*>;

  void bind(const SafetensorsFile& file) {
    Entries stored;
    for (const SafetensorsEntry& entry : file.entries()) stored.emplace(entry.name, &entry);
    for (const model::TensorSpec& spec : model::tensor_specs(config_)) {
      tensors_.push_back(spec.optional ? front_end(spec, file) : view_of(spec, stored, file.source()));
    }
    for (const SafetensorsEntry& entry : file.entries()) {  // in order: the first one is named
      if (stored.contains(entry.name) && !model::is_ignored_tensor(entry.name)) {
        fail_bad_input("{}: tensor {} of shape [{}] does not belong to the model that {} describes",
                       file.source(), printable(entry.name), fmt::join(entry.shape, ","), kConfigFile);
      }
    }
  }

  // What is bound is taken out of `stored`.
  static TensorView view_of(const model::TensorSpec& spec, Entries& stored, const std::string& source) {
    const auto names = transformers_names(spec.name);
    auto found = stored.end();
    for (const std::string& name : names) {
      if (found == stored.end()) found = stored.find(name);
    }
    if (found == stored.end()) {
      fail_bad_input("{}: tensor {} is missing (expected [{}])", source, names.front(),
                     fmt::join(spec.shape, ","));
    }
    const SafetensorsEntry& entry = *found->second;
    stored.erase(found);
    const auto dtype = dtype_of_safetensors(entry.dtype);
    if (!dtype) {
      fail_bad_input("{}: {} is of type {} (expected F32, F16 or BF16)", source, entry.name,
                     printable(entry.dtype));
    }
    if (entry.shape != spec.shape) {
      fail_bad_input("{}: {} is [{}], expected [{}]", source, entry.name, fmt::join(entry.shape, ","),
                     fmt::join(spec.shape, ","));
    }
    return {spec.name, *dtype, spec.shape, entry.bytes};
  }

  // The front end's constants: what the file has of another checkpoint, else as the engine would compute
  // them.
  TensorView front_end(const model::TensorSpec& spec, const SafetensorsFile& file) {
    const bool window = spec.name == "preprocessor.featurizer.window";
    const char* const key = window ? kWindowWord : kFiltersWord;
    const auto word = file.metadata().find(key);
    std::vector<float> numbers;
    if (word == file.metadata().end()) {
      numbers = window ? features::hann_window(config_.features.window)
                       : features::slaney_filters(config_.features);
    } else {
      const auto bytes = from_base64(word->second);
      const std::size_t size = static_cast<std::size_t>(spec.elements()) * sizeof(float);
      if (!bytes || bytes->size() != size)
        fail_bad_input("{}: {} is damaged (expected base64 of {} bytes)", file.source(), key, size);
      numbers.resize(size / sizeof(float));
      std::memcpy(numbers.data(), bytes->data(), size);
    }
    return {spec.name, DType::kF32, spec.shape, keep(std::move(numbers))};
  }
};

}  // namespace

std::shared_ptr<const Checkpoint> read_transformers_folder(TransformersFolder folder) {
  const std::string source = folder.source;
  try {
    return std::make_shared<TransformersCheckpoint>(std::move(folder));
  } catch (const std::bad_alloc&) {
    fail_bad_input("{}: not enough memory to read the checkpoint", source);
  }
}

std::shared_ptr<const Checkpoint> read_transformers(const std::filesystem::path& path) {
  return read_transformers_folder(open_transformers_folder(path, path.string()));
}

}  // namespace glossa::checkpoint
