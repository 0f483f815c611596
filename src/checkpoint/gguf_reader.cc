#include "checkpoint/gguf_reader.h"

#include <fmt/ranges.h>

#include <new>
#include <unordered_map>
#include <utility>

#include "base/fail.h"
#include "base/printable.h"
#include "checkpoint/foreign_checkpoint.h"
#include "checkpoint/gguf_config.h"
#include "checkpoint/gguf_file.h"
#include "checkpoint/gguf_layout.h"
#include "checkpoint/gguf_tokenizer.h"
#include "features/log_mel.h"
#include "model/tensor_spec.h"

namespace glossa::checkpoint {
namespace {

class GgufCheckpoint final : public ForeignCheckpoint {
 public:
  GgufCheckpoint(std::span<const std::byte> bytes, std::shared_ptr<const MappedFile> mapped,
                 std::string source)
      : ForeignCheckpoint(std::move(source), std::move(mapped)) {
    const GgufFile file(bytes, source_);
    GgufConfig read = read_gguf_config(file);
    set_config(std::move(read.config), read.extras);
    set_tokenizer(read_gguf_tokenizer(file, config_.predictor.vocabulary));
    bind(file);
    index();
  }

 private:
  void bind(const GgufFile& file) {
    std::unordered_map<std::string_view, const GgufTensor*> stored;
    for (const GgufTensor& tensor : file.tensors()) stored.emplace(tensor.name, &tensor);
    for (const model::TensorSpec& spec : model::tensor_specs(config_)) {
      const auto place = gguf_place(spec);
      const auto found = place ? stored.find(place->name) : stored.end();
      if (found != stored.end()) {
        tensors_.push_back(view_of(*found->second, spec, *place));
        stored.erase(found);
      } else if (spec.optional) {
        tensors_.push_back({spec.name, DType::kF32, spec.shape, {}});  // bytes follow below
      } else {
        fail_bad_input("{}: tensor {} is missing (expected [{}])", source_, place->name,
                       fmt::join(place->shape, ","));
      }
    }
    for (const GgufTensor& tensor : file.tensors()) {  // in the file's order: the first one is named
      if (stored.contains(tensor.name) && !model::is_ignored_tensor(std::string(tensor.name))) {
        fail_bad_input("{}: tensor {} of shape [{}] does not belong to the model that the metadata describes",
                       source_, printable(tensor.name), fmt::join(tensor.shape, ","));
      }
    }
    for (TensorView& tensor : tensors_) {
      if (tensor.bytes.empty()) tensor.bytes = computed(tensor.name, file);
    }
  }

  TensorView view_of(const GgufTensor& tensor, const model::TensorSpec& spec, const GgufPlace& place) const {
    if (tensor.shape != place.shape && tensor.shape != spec.shape) {
      fail_bad_input("{}: {} is [{}], expected [{}]", source_, place.name, fmt::join(tensor.shape, ","),
                     fmt::join(place.shape, ","));
    }
    return {spec.name, tensor.dtype, spec.shape, tensor.bytes};
  }

  // The front end's constants, as the engine would compute them without a tensor.
  std::span<const std::byte> computed(std::string_view name, const GgufFile& file) {
    return keep(name == "preprocessor.featurizer.window" ? window(file)
                                                         : features::slaney_filters(config_.features));
  }

  std::vector<float> window(const GgufFile& file) const {
    const auto size = static_cast<std::size_t>(config_.features.window);
    if (!file.has(kGgufWindow)) return features::hann_window(config_.features.window);
    std::vector<float> window = file.numbers(kGgufWindow);
    if (window.size() != size) {
      fail_bad_input("{}: {} has {} numbers (expected {} from asr.preprocessor.window_size)", source_,
                     kGgufWindow, window.size(), size);
    }
    return window;
  }
};

}  // namespace

std::shared_ptr<const Checkpoint> read_gguf_bytes(std::span<const std::byte> bytes,
                                                  std::shared_ptr<const MappedFile> file,
                                                  const std::string& source) {
  try {
    return std::make_shared<GgufCheckpoint>(bytes, std::move(file), source);
  } catch (const std::bad_alloc&) {
    fail_bad_input("{}: not enough memory to read the checkpoint", source);
  }
}

std::shared_ptr<const Checkpoint> read_gguf(const std::filesystem::path& path) {
  const auto file = std::make_shared<const MappedFile>(path);
  return read_gguf_bytes(file->bytes(), file, path.string());
}

}  // namespace glossa::checkpoint
