// A SentencePiece model and the two lists that NeMo keeps beside it.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "checkpoint/checkpoint.h"

namespace glossa::checkpoint {

struct TokenizerFiles {
  std::vector<std::byte> model;  // SentencePiece model proto
  // The pieces, line by line, without and with their scores.
  std::string vocabulary;
  std::string pieces;

  // Under the names that write_config() refers to; they point into this object.
  std::vector<Artifact> artifacts() const;
};

// Error kBadInput, naming `source`, when the model cannot be read or has not `size` pieces; `size_key` names
// where the size was given.
TokenizerFiles make_tokenizer_files(std::vector<std::byte> model, int size, const std::string& source,
                                    const std::string& size_key);

}  // namespace glossa::checkpoint
