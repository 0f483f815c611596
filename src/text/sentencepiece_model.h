// What a SentencePiece file holds: our own bounded reader of the parts of ModelProto that encoding and
// decoding use. Field numbers and defaults are those of sentencepiece_model.proto (proto2).
#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "text/sentencepiece.h"

namespace glossa::text {

struct Piece {
  std::string text;  // UTF-8, not empty, no NUL
  float score = 0;   // finite
  PieceType type = PieceType::kNormal;
};

enum class SegmenterType { kUnigram = 1, kBpe = 2 };

struct TrainerSpec {
  SegmenterType model_type = SegmenterType::kUnigram;
  bool treat_whitespace_as_suffix = false;
  bool byte_fallback = false;
  std::string unk_surface = " \xE2\x81\x87 ";  // U+2047 between spaces
};

struct NormalizerSpec {
  std::string precompiled_charsmap;
  bool add_dummy_prefix = true;
  bool remove_extra_whitespaces = true;
  bool escape_whitespaces = true;
};

// A proto that was read and checked: the field's comments above hold.
struct SentencePieceProto {
  std::vector<Piece> pieces;
  TrainerSpec trainer;
  NormalizerSpec normalizer;
  std::optional<NormalizerSpec> denormalizer;
};

// Memory stays below a small multiple of the input. Error kBadInput names `source` and what is wrong.
// Stricter than the reference library in that piece texts must be UTF-8, scores finite and types known.
SentencePieceProto read_sentencepiece_proto(std::span<const std::byte> bytes, const std::string& source);

// The pieces with their look-ups. Immutable after construction; any thread may use it.
class Vocabulary {
 public:
  // Error kBadInput when pieces clash, there is not exactly one unknown piece, or byte pieces and
  // byte_fallback do not fit together.
  Vocabulary(std::vector<Piece> pieces, bool byte_fallback, const std::string& source);
  Vocabulary(const Vocabulary&) = delete;  // the maps point into the pieces
  Vocabulary& operator=(const Vocabulary&) = delete;

  int size() const { return static_cast<int>(pieces_.size()); }
  const Piece& operator[](int id) const { return pieces_[static_cast<std::size_t>(id)]; }
  const std::vector<Piece>& pieces() const { return pieces_; }
  int unk_id() const { return unk_id_; }

  // As the reference: control, unknown and byte pieces come before normal ones of the same text; -1 when
  // absent.
  int find(std::string_view piece) const;

  // Only what text can be segmented into: normal, user-defined and unused pieces; -1 when absent.
  int find_segment(std::string_view piece) const;

  bool byte_fallback() const { return byte_fallback_; }
  int byte_id(unsigned char byte) const { return byte_ids_[byte]; }  // only with byte_fallback

 private:
  std::vector<Piece> pieces_;
  bool byte_fallback_;
  int unk_id_ = -1;
  std::array<int, 256> byte_ids_;
  std::unordered_map<std::string_view, int> segments_;
  std::unordered_map<std::string_view, int> reserved_;
};

// The value of "<0x41>" and its like, -1 for any other text.
int byte_of_piece(std::string_view piece);

}  // namespace glossa::text
