// From token ids to the text NeMo prints.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "text/sentencepiece.h"

namespace glossa::text {

// Immutable after construction; any thread may use it. Keeps a reference to `pieces`.
class Detokenizer {
 public:
  explicit Detokenizer(const SentencePiece& pieces);

  // SentencePiece decoding, then NeMo's clean-up: one white-space character in front of a punctuation mark of the
  // vocabulary is deleted ("word ." is "word."). Tags stay. Partial bytes of a byte-fallback character are U+FFFD.
  std::string text(std::span<const int> ids) const;

  // The characters that NeMo takes for punctuation: Unicode category P, found in vocabulary pieces other than <...>,
  // [...], ##... and those that begin with U+2581.
  const std::vector<char32_t>& punctuation() const { return punctuation_; }

 private:
  const SentencePiece& pieces_;
  std::vector<char32_t> punctuation_;
};

}  // namespace glossa::text
