// SentencePiece's text normalisation: character rewriting, white space clean-up, spaces to U+2581.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "text/piece_trie.h"
#include "text/sentencepiece_model.h"

namespace glossa::text {

// The precompiled character map of a NormalizerSpec. Its bytes are: u32 size in bytes of the tree, the tree,
// then the replacements, each ended by NUL; little endian. The tree is a double array of u32 units (the
// format of the Darts-clone library):
//   bits 0-7 and 31 label (bit 31 set: a value, not a label), bit 8 "a key ends here",
//   bits 10-30 offset, shifted left by 8 when bit 9 is set; a value unit holds in bits 0-30 where its
//   replacement starts.
// Immutable after construction; any thread may use it.
class CharMap {
 public:
  // An empty blob is a map without rules. Error kBadInput for sizes, offsets or texts that cannot be.
  CharMap(std::string_view blob, const std::string& source);

  struct Match {
    std::size_t length = 0;  // bytes of the key; 0 when no rule fits
    std::string_view replacement;
  };
  // The rule with the longest key that `text` starts with.
  Match longest_match(std::string_view text) const;

 private:
  std::vector<std::uint32_t> units_;
  std::string replacements_;
};

// Equal to the reference's Normalizer::Normalize. Immutable after construction; any thread may use it.
class Normalizer {
 public:
  // `protected_pieces` (user-defined pieces) are passed through untouched wherever they occur; may be null,
  // and is not owned: it must outlive the normalizer.
  Normalizer(const NormalizerSpec& spec, bool whitespace_as_suffix, const PieceTrie* protected_pieces,
             const std::string& source);

  // Invalid bytes become U+FFFD, one each; the result is always valid UTF-8. Linear in the text.
  // Error kBadInput when a hostile map makes the text more than 64 times longer.
  std::string normalize(std::string_view text) const;

 private:
  struct Step {
    std::string_view output;
    std::size_t consumed = 0;
  };
  Step next(std::string_view text) const;

  CharMap char_map_;
  std::string_view space_;  // what a space is written as
  bool add_dummy_prefix_;
  bool remove_extra_whitespaces_;
  bool whitespace_as_suffix_;
  const PieceTrie* protected_pieces_;
};

}  // namespace glossa::text
