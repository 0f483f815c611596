// The tokenizer of a GGUF file.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "checkpoint/gguf_file.h"

namespace glossa::checkpoint {

struct GgufTokenizer {
  std::vector<std::byte> model;  // SentencePiece model proto
  // What NeMo wants beside it: the pieces, line by line, without and with their scores.
  std::string vocabulary;
  std::string pieces;
};

// From asr.tokenizer.spm_model; or, for files of older converters, which have only the texts of the pieces, a
// model made of asr.tokenizer.vocab: it decodes as the original, and splits text by its order of pieces.
// Error kBadInput when there are not `size` pieces.
GgufTokenizer read_gguf_tokenizer(const GgufFile& file, int size);

}  // namespace glossa::checkpoint
