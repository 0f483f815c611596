#include "checkpoint/blank_checkpoint.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/mapped_file.h"
#include "checkpoint/config_parser.h"
#include "checkpoint/config_writer.h"
#include "checkpoint/indexed_checkpoint.h"
#include "checkpoint/tokenizer_files.h"
#include "features/log_mel.h"
#include "model/tensor_spec.h"

namespace glossa::checkpoint {
namespace {

class BlankCheckpoint final : public IndexedCheckpoint {
 public:
  BlankCheckpoint(const std::string& yaml, std::vector<std::byte> tokenizer_model, std::string source,
                  const std::string& tokenizer_source)
      : IndexedCheckpoint(std::move(source)) {
    config_ = parse_config(yaml, source_).config;
    config_yaml_ = write_config(config_, parse_config_extras(yaml, source_));
    tokenizer_ = make_tokenizer_files(std::move(tokenizer_model), config_.predictor.vocabulary,
                                      tokenizer_source, "decoder.vocab_size of " + source_);
    tokenizer_model_ = tokenizer_.model;
    artifacts_ = tokenizer_.artifacts();
    window_ = features::hann_window(config_.features.window);
    filters_ = features::slaney_filters(config_.features);
    const std::vector<model::TensorSpec> specs = model::tensor_specs(config_);
    std::int64_t largest = 0;
    for (const model::TensorSpec& spec : specs) largest = std::max(largest, spec.elements());
    zeros_.resize(static_cast<std::size_t>(largest));
    for (const model::TensorSpec& spec : specs)
      tensors_.push_back({spec.name, DType::kF32, spec.shape, bytes_of(spec)});
    index();
  }

  std::string fingerprint() const override { return config_yaml_; }
  void release_pages() const override {}

 private:
  std::span<const std::byte> bytes_of(const model::TensorSpec& spec) const {
    if (spec.name == "preprocessor.featurizer.window") return std::as_bytes(std::span(window_));
    if (spec.name == "preprocessor.featurizer.fb") return std::as_bytes(std::span(filters_));
    return std::as_bytes(std::span(zeros_).first(static_cast<std::size_t>(spec.elements())));
  }

  TokenizerFiles tokenizer_;
  std::vector<float> window_;
  std::vector<float> filters_;
  std::vector<float> zeros_;  // of the largest tensor: all show the same
};

}  // namespace

std::shared_ptr<const Checkpoint> blank_checkpoint(const std::filesystem::path& config_yaml,
                                                   const std::filesystem::path& tokenizer_model) {
  const MappedFile yaml(config_yaml);
  const MappedFile tokenizer(tokenizer_model);
  const auto text = yaml.bytes();
  return std::make_shared<BlankCheckpoint>(
      std::string(reinterpret_cast<const char*>(text.data()), text.size()),
      std::vector<std::byte>(tokenizer.bytes().begin(), tokenizer.bytes().end()), config_yaml.string(),
      tokenizer_model.string());
}

}  // namespace glossa::checkpoint
