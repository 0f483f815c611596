// Cutting normalised text into vocabulary pieces.
#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "text/piece_trie.h"
#include "text/sentencepiece_model.h"

namespace glossa::text {

struct Segment {
  std::string_view text;  // into the normalised text; segments follow each other without gaps
  int id = 0;
};

// Immutable; any thread may use it.
class Segmenter {
 public:
  virtual ~Segmenter() = default;
  virtual std::vector<Segment> segment(std::string_view normalized) const = 0;
};

// The best path under a unigram model. Equal to the reference's Model::EncodeOptimized, including where it
// rounds to float and that of equal paths the one found first (the longer last piece) stays. Time is text
// length times the longest piece.
std::unique_ptr<Segmenter> make_unigram_segmenter(const Vocabulary& vocabulary);

// Byte-pair merges in the order of the pieces' scores, leftmost first. Equal to the reference's
// bpe::Model::Encode. User-defined pieces are neither split nor merged. Time is text length times its
// logarithm. Keeps references to both arguments.
std::unique_ptr<Segmenter> make_bpe_segmenter(const Vocabulary& vocabulary, const PieceTrie& user_defined);

}  // namespace glossa::text
