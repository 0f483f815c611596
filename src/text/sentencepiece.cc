#include "text/sentencepiece.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "base/fail.h"
#include "text/piece_trie.h"
#include "text/sentencepiece_model.h"
#include "text/sentencepiece_normalizer.h"
#include "text/sentencepiece_segmenter.h"
#include "text/utf8.h"

namespace glossa::text {
namespace {

// With the normalizer's bound on growth this keeps every place in the normalised text an int.
constexpr std::size_t kMaxTextBytes = std::size_t{1} << 24;

PieceTrie user_defined_pieces(const Vocabulary& vocabulary) {
  std::vector<std::pair<std::string_view, int>> entries;
  for (int id = 0; id < vocabulary.size(); ++id) {
    if (vocabulary[id].type == PieceType::kUserDefined) entries.emplace_back(vocabulary[id].text, id);
  }
  return PieceTrie(std::move(entries));
}

}  // namespace

class SentencePiece::Impl {
 public:
  Impl(SentencePieceProto proto, const std::string& source)
      : vocabulary(std::move(proto.pieces), proto.trainer.byte_fallback, source),
        user_defined_(user_defined_pieces(vocabulary)),
        segmenter_(proto.trainer.model_type == SegmenterType::kUnigram
                       ? make_unigram_segmenter(vocabulary)
                       : make_bpe_segmenter(vocabulary, user_defined_)),
        normalizer_(proto.normalizer, proto.trainer.treat_whitespace_as_suffix, &user_defined_, source),
        unk_surface_(proto.trainer.unk_surface),
        strips_first_space_(proto.normalizer.add_dummy_prefix || proto.normalizer.remove_extra_whitespaces),
        strips_all_first_spaces_(proto.normalizer.remove_extra_whitespaces) {
    if (proto.denormalizer && !proto.denormalizer->precompiled_charsmap.empty()) {
      denormalizer_.emplace(*proto.denormalizer, /*whitespace_as_suffix=*/false, nullptr, source);
    }
  }

  std::vector<int> encode(std::string_view text) const {
    if (text.size() > kMaxTextBytes) {
      fail_invalid_argument("a text of {} bytes to encode, expected at most {}", text.size(), kMaxTextBytes);
    }
    const std::string normalized = normalizer_.normalize(text);
    std::vector<int> ids;
    bool after_unknown = false;
    for (const Segment& segment : segmenter_->segment(normalized)) {
      const bool unknown = vocabulary[segment.id].type == PieceType::kUnknown;
      if (unknown && vocabulary.byte_fallback()) {
        for (const char byte : segment.text)
          ids.push_back(vocabulary.byte_id(static_cast<unsigned char>(byte)));
      } else if (!(unknown && after_unknown)) {  // a run of unknown characters is one piece
        ids.push_back(segment.id);
      }
      after_unknown = unknown;
    }
    return ids;
  }

  std::string decode(std::span<const int> ids) const {
    std::string text;
    std::string bytes;  // of a run of byte pieces
    bool at_start = true;
    bool stripped_space = false;
    for (const int given : ids) {
      if (given < 0 || given >= vocabulary.size()) {
        fail_invalid_argument("token id {} to decode, expected 0 to {}", given, vocabulary.size() - 1);
      }
      // The reference decodes by way of the piece's text, where control, unknown and byte pieces come first.
      const int id = vocabulary.find(vocabulary[given].text);
      const Piece& piece = vocabulary[id];
      if (piece.type == PieceType::kByte) {
        bytes += static_cast<char>(byte_of_piece(piece.text));
        continue;
      }
      append_bytes(bytes, text);
      if (stripped_space || !text.empty()) at_start = false;
      stripped_space = append_piece(piece, at_start, text);
    }
    append_bytes(bytes, text);
    return denormalizer_ ? denormalizer_->normalize(text) : text;
  }

  const Vocabulary vocabulary;

 private:
  // Characters as far as they are whole, U+FFFD for every other byte. Empties `bytes`.
  static void append_bytes(std::string& bytes, std::string& text) {
    std::string_view rest = bytes;
    while (!rest.empty()) {
      const CodePoint character = first_code_point(rest);
      text += character.valid ? rest.substr(0, character.size) : kReplacementCharacter;
      rest.remove_prefix(character.size);
    }
    bytes.clear();
  }

  // True when it took away the one space that add_dummy_prefix had put in front of the text.
  bool append_piece(const Piece& piece, bool at_start, std::string& text) const {
    if (piece.type == PieceType::kControl) return false;
    if (piece.type == PieceType::kUnknown) {
      text += unk_surface_;
      return false;
    }
    std::string_view rest = piece.text;
    bool stripped = false;
    if (at_start && strips_first_space_ && rest.starts_with(kWordMark)) {
      rest.remove_prefix(kWordMark.size());
      stripped = !strips_all_first_spaces_;
    }
    while (!rest.empty()) {
      const std::size_t mark = std::min(rest.find(kWordMark), rest.size());
      text += rest.substr(0, mark);
      rest.remove_prefix(mark);
      if (!rest.empty()) {
        text += ' ';
        rest.remove_prefix(kWordMark.size());
      }
    }
    return stripped;
  }

  const PieceTrie user_defined_;
  const std::unique_ptr<const Segmenter> segmenter_;
  const Normalizer normalizer_;
  std::optional<Normalizer> denormalizer_;
  const std::string unk_surface_;
  const bool strips_first_space_;
  const bool strips_all_first_spaces_;
};

SentencePiece::SentencePiece(std::span<const std::byte> model_proto, const std::string& source)
    : impl_(std::make_unique<const Impl>(read_sentencepiece_proto(model_proto, source), source)) {}

SentencePiece::~SentencePiece() = default;

int SentencePiece::size() const { return impl_->vocabulary.size(); }
int SentencePiece::unk_id() const { return impl_->vocabulary.unk_id(); }

std::string_view SentencePiece::piece(int id) const {
  if (id < 0 || id >= size()) fail_invalid_argument("token id {}, expected 0 to {}", id, size() - 1);
  return impl_->vocabulary[id].text;
}

PieceType SentencePiece::type(int id) const {
  if (id < 0 || id >= size()) fail_invalid_argument("token id {}, expected 0 to {}", id, size() - 1);
  return impl_->vocabulary[id].type;
}

int SentencePiece::find(std::string_view piece) const { return impl_->vocabulary.find(piece); }

std::vector<int> SentencePiece::encode(std::string_view utf8) const { return impl_->encode(utf8); }

std::string SentencePiece::decode(std::span<const int> ids) const { return impl_->decode(ids); }

}  // namespace glossa::text
