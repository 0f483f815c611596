// What checkpoints have in common that come from a mapped file of another kind than NeMo's: no checksums, a
// configuration and artifacts that are made of what the file says, constants of the front end that are
// computed.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/mapped_file.h"
#include "checkpoint/config_parser.h"
#include "checkpoint/indexed_checkpoint.h"
#include "checkpoint/tokenizer_files.h"

namespace glossa::checkpoint {

// As IndexedCheckpoint, whose members the constructor of a derived class fills in.
class ForeignCheckpoint : public IndexedCheckpoint {
 public:
  std::string fingerprint() const override;
  void release_pages() const override {
    if (mapped_ != nullptr) mapped_->release_pages();
  }

 protected:
  // `mapped`: what the tensors point into; may be null.
  ForeignCheckpoint(std::string source, std::shared_ptr<const MappedFile> mapped)
      : IndexedCheckpoint(std::move(source)), mapped_(std::move(mapped)) {}

  void set_config(model::ModelConfig config, const ConfigExtras& extras);
  void set_tokenizer(TokenizerFiles files);
  // The bytes of numbers that the file does not have.
  std::span<const std::byte> keep(std::vector<float> numbers);

 private:
  std::shared_ptr<const MappedFile> mapped_;
  TokenizerFiles tokenizer_;
  std::vector<std::vector<float>> computed_;
};

}  // namespace glossa::checkpoint
