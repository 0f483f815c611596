// The tokenizer of a GGUF file.
#pragma once

#include "checkpoint/gguf_file.h"
#include "checkpoint/tokenizer_files.h"

namespace glossa::checkpoint {

// From asr.tokenizer.spm_model; or, for files of older converters, which have only the texts of the pieces, a
// model made of asr.tokenizer.vocab: it decodes as the original, and splits text by its order of pieces.
// Error kBadInput when there are not `size` pieces.
TokenizerFiles read_gguf_tokenizer(const GgufFile& file, int size);

}  // namespace glossa::checkpoint
