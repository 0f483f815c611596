// A SentencePiece file made of its parts: the inverse of read_sentencepiece_proto().
#pragma once

#include <cstddef>
#include <vector>

#include "text/sentencepiece_model.h"

namespace glossa::text {

// A serialised ModelProto from which read_sentencepiece_proto() makes `proto` again. Its denormalizer is not
// written: SentencePiece's trainer sets none.
std::vector<std::byte> write_sentencepiece_proto(const SentencePieceProto& proto);

}  // namespace glossa::text
