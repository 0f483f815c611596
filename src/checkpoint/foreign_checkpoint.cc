#include "checkpoint/foreign_checkpoint.h"

#include <fmt/format.h>
#include <xxhash.h>

#include <utility>

#include "checkpoint/config_writer.h"

namespace glossa::checkpoint {

std::string ForeignCheckpoint::fingerprint() const {
  std::string text = config_yaml_;
  for (const TensorView& tensor : tensors_) {
    text += fmt::format("\n{} {} {:016x}", tensor.name, dtype_name(tensor.dtype),
                        XXH3_64bits(tensor.bytes.data(), tensor.bytes.size()));
  }
  release_pages();
  return text;
}

void ForeignCheckpoint::set_config(model::ModelConfig config, const ConfigExtras& extras) {
  config_ = std::move(config);
  config_yaml_ = write_config(config_, extras);
}

void ForeignCheckpoint::set_tokenizer(TokenizerFiles files) {
  tokenizer_ = std::move(files);
  tokenizer_model_ = tokenizer_.model;
  artifacts_ = tokenizer_.artifacts();
}

std::span<const std::byte> ForeignCheckpoint::keep(std::vector<float> numbers) {
  return std::as_bytes(std::span(computed_.emplace_back(std::move(numbers))));
}

}  // namespace glossa::checkpoint
