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

  // SentencePiece decoding, then NeMo's clean-up: one white-space character in front of a punctuation mark of
  // the vocabulary is deleted ("word ." is "word."). Tags stay. Partial bytes of a byte-fallback character
  // are U+FFFD. Nothing is trimmed: a lone U+2581 at the end gives a trailing space. Linear in the ids. An id
  // outside the vocabulary is Error kInvalidArgument. Source: NeMo's
  // decode_tokens_to_str_with_strip_punctuation.
  std::string text(std::span<const int> ids) const;

  // The characters that NeMo takes for punctuation: Unicode category P, found in vocabulary pieces other than
  // <...>,
  // [...], ##... and those that begin with U+2581. Ascending. Source: NeMo's extract_punctuation_from_vocab.
  const std::vector<char32_t>& punctuation() const { return punctuation_; }
  bool is_punctuation(char32_t character) const;

 private:
  const SentencePiece& pieces_;
  std::vector<char32_t> punctuation_;
};

}  // namespace glossa::text
