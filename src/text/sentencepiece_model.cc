#include "text/sentencepiece_model.h"

#include <bit>
#include <cmath>
#include <cstdint>
#include <utility>

#include "base/fail.h"
#include "text/utf8.h"

namespace glossa::text {
namespace {

// The reference library refuses longer pieces; it also bounds the work of segmenting a text with a hostile
// model.
constexpr std::size_t kMaxPieceBytes = 8000;
constexpr std::size_t kMaxPieces = std::size_t{1} << 24;

// One level of protobuf's wire format: fields in order, each with a number, a wire type and a payload.
class WireReader {
 public:
  WireReader(std::string_view bytes, const std::string& source, const char* message)
      : bytes_(bytes), source_(source), message_(message) {}

  // Moves to the next field; false at the end.
  bool next() {
    if (bytes_.empty()) return false;
    const std::uint64_t key = read_varint();
    number_ = key >> 3;
    if (number_ == 0 || number_ >= (std::uint64_t{1} << 29)) fail("has an impossible field number");
    wire_type_ = static_cast<int>(key & 7);
    switch (wire_type_) {
      case 0:
        value_ = read_varint();
        break;
      case 1:
        payload_ = take(8);
        break;
      case 2:
        payload_ = take(read_varint());
        break;
      case 5:
        payload_ = take(4);
        break;
      default:
        fail("has a field of unsupported wire type");
    }
    return true;
  }

  std::uint64_t number() const { return number_; }

  std::uint64_t varint() const {
    expect(0);
    return value_;
  }
  bool boolean() const { return varint() != 0; }
  std::string_view bytes() const {
    expect(2);
    return payload_;
  }
  float float32() const {
    expect(5);
    std::uint32_t bits = 0;
    for (int at = 3; at >= 0; --at) {
      bits = (bits << 8) | static_cast<unsigned char>(payload_[static_cast<std::size_t>(at)]);
    }
    return std::bit_cast<float>(bits);
  }

 private:
  [[noreturn]] void fail(const char* what) const {
    fail_bad_input("{}: not a SentencePiece model: {} {}", source_, message_, what);
  }

  void expect(int wire_type) const {
    if (wire_type_ != wire_type) {
      fail_bad_input("{}: not a SentencePiece model: {} field {} has wire type {}, expected {}", source_,
                     message_, number_, wire_type_, wire_type);
    }
  }

  std::uint64_t read_varint() {
    std::uint64_t value = 0;
    for (int shift = 0; shift < 70; shift += 7) {
      const auto byte = static_cast<unsigned char>(take(1)[0]);
      if (shift < 64) value |= static_cast<std::uint64_t>(byte & 0x7F) << shift;
      if ((byte & 0x80) == 0) return value;
    }
    fail("has a number of more than ten bytes");
  }

  std::string_view take(std::uint64_t size) {
    if (size > bytes_.size()) fail("is cut");
    const std::string_view taken = bytes_.substr(0, static_cast<std::size_t>(size));
    bytes_.remove_prefix(static_cast<std::size_t>(size));
    return taken;
  }

  std::string_view bytes_;
  const std::string& source_;
  const char* message_;
  std::uint64_t number_ = 0;
  int wire_type_ = 0;
  std::uint64_t value_ = 0;
  std::string_view payload_;
};

Piece read_piece(std::string_view bytes, std::size_t id, const std::string& source) {
  Piece piece;
  WireReader fields(bytes, source, "SentencePiece");
  while (fields.next()) {
    switch (fields.number()) {
      case 1:
        piece.text = fields.bytes();
        break;
      case 2:
        piece.score = fields.float32();
        break;
      case 3:
        if (fields.varint() < 1 || fields.varint() > 6) {
          fail_bad_input("{}: piece {} has type {}, expected 1 to 6", source, id, fields.varint());
        }
        piece.type = static_cast<PieceType>(fields.varint());
        break;
      default:
        break;
    }
  }
  if (piece.text.empty()) fail_bad_input("{}: piece {} is empty", source, id);
  if (piece.text.size() >= kMaxPieceBytes) {
    fail_bad_input("{}: piece {} has {} bytes, expected fewer than {}", source, id, piece.text.size(),
                   kMaxPieceBytes);
  }
  if (piece.text.find('\0') != std::string::npos) fail_bad_input("{}: piece {} holds a NUL", source, id);
  if (!is_valid_utf8(piece.text)) fail_bad_input("{}: piece {} is not UTF-8", source, id);
  if (!std::isfinite(piece.score)) fail_bad_input("{}: the score of piece {} is not finite", source, id);
  return piece;
}

void read_trainer(std::string_view bytes, TrainerSpec& spec, const std::string& source) {
  WireReader fields(bytes, source, "TrainerSpec");
  while (fields.next()) {
    switch (fields.number()) {
      case 3:
        if (fields.varint() != 1 && fields.varint() != 2) {
          fail_bad_input("{}: SentencePiece model type {}, expected 1 (unigram) or 2 (BPE)", source,
                         fields.varint());
        }
        spec.model_type = static_cast<SegmenterType>(fields.varint());
        break;
      case 24:
        spec.treat_whitespace_as_suffix = fields.boolean();
        break;
      case 35:
        spec.byte_fallback = fields.boolean();
        break;
      case 44: {
        const std::string_view surface = fields.bytes();
        spec.unk_surface = surface.substr(0, surface.find('\0'));
        if (!is_valid_utf8(spec.unk_surface)) fail_bad_input("{}: unk_surface is not UTF-8", source);
        break;
      }
      default:
        break;
    }
  }
}

void read_normalizer(std::string_view bytes, NormalizerSpec& spec, const std::string& source) {
  WireReader fields(bytes, source, "NormalizerSpec");
  while (fields.next()) {
    switch (fields.number()) {
      case 2:
        spec.precompiled_charsmap = fields.bytes();
        break;
      case 3:
        spec.add_dummy_prefix = fields.boolean();
        break;
      case 4:
        spec.remove_extra_whitespaces = fields.boolean();
        break;
      case 5:
        spec.escape_whitespaces = fields.boolean();
        break;
      default:
        break;
    }
  }
}

// Control, unknown and byte pieces are looked up apart: text never becomes one of them by segmentation.
bool is_reserved(PieceType type) {
  return type == PieceType::kControl || type == PieceType::kUnknown || type == PieceType::kByte;
}

}  // namespace

SentencePieceProto read_sentencepiece_proto(std::span<const std::byte> bytes, const std::string& source) {
  SentencePieceProto proto;
  WireReader fields({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, source, "ModelProto");
  while (fields.next()) {
    switch (fields.number()) {
      case 1:
        if (proto.pieces.size() >= kMaxPieces) fail_bad_input("{}: more than {} pieces", source, kMaxPieces);
        proto.pieces.push_back(read_piece(fields.bytes(), proto.pieces.size(), source));
        break;
      // A message that comes twice is merged, as protobuf does.
      case 2:
        read_trainer(fields.bytes(), proto.trainer, source);
        break;
      case 3:
        read_normalizer(fields.bytes(), proto.normalizer, source);
        break;
      case 5:
        if (!proto.denormalizer) proto.denormalizer.emplace();
        read_normalizer(fields.bytes(), *proto.denormalizer, source);
        break;
      default:
        break;
    }
  }
  return proto;
}

Vocabulary::Vocabulary(std::vector<Piece> pieces, bool byte_fallback, const std::string& source)
    : pieces_(std::move(pieces)), byte_fallback_(byte_fallback) {
  byte_ids_.fill(-1);
  for (int id = 0; id < size(); ++id) {
    const Piece& piece = (*this)[id];
    auto& map = is_reserved(piece.type) ? reserved_ : segments_;
    const auto [before, is_new] = map.emplace(piece.text, id);
    if (!is_new) {
      fail_bad_input("{}: piece {} '{}' is already piece {}", source, id, piece.text, before->second);
    }
    if (piece.type == PieceType::kUnknown) {
      if (unk_id_ >= 0) fail_bad_input("{}: pieces {} and {} are both unknown pieces", source, unk_id_, id);
      unk_id_ = id;
    }
    if (piece.type == PieceType::kByte) {
      const int byte = byte_of_piece(piece.text);
      if (byte < 0) fail_bad_input("{}: byte piece {} is '{}', expected <0xNN>", source, id, piece.text);
      if (!byte_fallback_) fail_bad_input("{}: piece {} is a byte but byte_fallback is off", source, id);
      byte_ids_[static_cast<std::size_t>(byte)] = id;
    }
  }
  if (unk_id_ < 0) fail_bad_input("{}: none of the {} pieces is the unknown piece", source, size());
  if (segments_.empty()) fail_bad_input("{}: no piece that text could be made of", source);
  for (std::size_t byte = 0; byte_fallback_ && byte < byte_ids_.size(); ++byte) {
    if (byte_ids_[byte] < 0)
      fail_bad_input("{}: byte_fallback is on but <0x{:02X}> is missing", source, byte);
  }
}

int Vocabulary::find(std::string_view piece) const {
  const auto reserved = reserved_.find(piece);
  return reserved != reserved_.end() ? reserved->second : find_segment(piece);
}

int Vocabulary::find_segment(std::string_view piece) const {
  const auto found = segments_.find(piece);
  return found != segments_.end() ? found->second : -1;
}

int byte_of_piece(std::string_view piece) {
  if (piece.size() != 6 || piece.substr(0, 3) != "<0x" || piece[5] != '>') return -1;
  int value = 0;
  for (const char digit : piece.substr(3, 2)) {
    if (digit >= '0' && digit <= '9') {
      value = value * 16 + (digit - '0');
    } else if (digit >= 'A' && digit <= 'F') {
      value = value * 16 + (digit - 'A' + 10);
    } else {
      return -1;
    }
  }
  return value;
}

}  // namespace glossa::text
