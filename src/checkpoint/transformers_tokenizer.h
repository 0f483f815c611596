// tokenizer.json, as transformers' converter makes it of a SentencePiece model, <-> that model.
#pragma once

#include <string>

#include "checkpoint/tokenizer_files.h"
#include "checkpoint/transformers_folder.h"

namespace glossa::checkpoint {

// `size`: pieces without blank. The folder's tokenizer.model where there is one, else a model made of its
// tokenizer.json, which cuts text as transformers does but for tags and <unk> that stand in it, which are
// text, as in NeMo: BPE or Unigram, with or without a character map, spaces as Metaspace. Error kBadInput,
// naming file and key, for any other kind, and where the two files have other pieces.
TokenizerFiles read_transformers_tokenizer(const TransformersFolder& folder, int size);

struct TransformersTokenizer {
  std::string tokenizer;         // tokenizer.json
  std::string tokenizer_config;  // tokenizer_config.json
  int padding_id = 0;            // of <pad> among the pieces, 0 without one
};

// Ids of pieces are those of the model; <pad>, where the model has none, and <blank> follow behind them, in
// NVIDIA's released folder, too: its <pad> has the id of the model's blank. `multilingual`: as which
// processor's tokenizer.
TransformersTokenizer write_transformers_tokenizer(std::span<const std::byte> sentencepiece_model,
                                                   bool multilingual, const std::string& source);

}  // namespace glossa::checkpoint
