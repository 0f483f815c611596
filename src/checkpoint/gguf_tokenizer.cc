#include "checkpoint/gguf_tokenizer.h"

#include <algorithm>
#include <bit>
#include <string_view>

#include "base/base64.h"
#include "base/fail.h"
#include "text/sentencepiece_model.h"

namespace glossa::checkpoint {
namespace {

constexpr std::string_view kModelKey = "asr.tokenizer.spm_model";
constexpr std::string_view kPiecesKey = "asr.tokenizer.vocab";

// Protocol buffers: a varint, and fields of the wire types 0 (varint), 2 (bytes) and 5 (32 bits).
std::string varint(std::uint64_t value) {
  std::string text;
  for (; value >= 0x80; value >>= 7) text += static_cast<char>(value | 0x80);
  return text + static_cast<char>(value);
}
std::string varint_field(int field, std::uint64_t value) {
  return varint(static_cast<std::uint64_t>(field) << 3) + varint(value);
}
std::string bytes_field(int field, std::string_view bytes) {
  return varint(static_cast<std::uint64_t>(field) << 3 | 2) + varint(bytes.size()) + std::string(bytes);
}
std::string float_field(int field, float value) {
  std::string text = varint(static_cast<std::uint64_t>(field) << 3 | 5);
  const auto bits = std::bit_cast<std::uint32_t>(value);
  for (int byte = 0; byte < 4; ++byte) text += static_cast<char>(bits >> 8 * byte & 0xff);
  return text;
}

// "<de-DE>": symbols that the trainer was told, here language tags.
bool is_tag(std::string_view piece) {
  return piece.size() > 2 && piece.front() == '<' && piece.back() == '>' &&
         piece.find('-') != std::string_view::npos;
}

text::PieceType type_of(std::string_view piece) {
  if (piece == "<unk>") return text::PieceType::kUnknown;
  if (text::byte_of_piece(piece) >= 0) return text::PieceType::kByte;
  return is_tag(piece) ? text::PieceType::kUserDefined : text::PieceType::kNormal;
}

// ModelProto with pieces (1), trainer_spec (2) and otherwise defaults. Pieces of a BPE model are in the order
// of their merges.
std::vector<std::byte> model_of(const std::vector<std::string_view>& pieces) {
  std::string proto;
  bool has_bytes = false;
  float score = 0;
  for (const std::string_view piece : pieces) {
    const text::PieceType type = type_of(piece);
    has_bytes = has_bytes || type == text::PieceType::kByte;
    proto += bytes_field(
        1, bytes_field(1, piece) + float_field(2, score) + varint_field(3, static_cast<std::uint64_t>(type)));
    score -= 1;
  }
  std::string trainer = varint_field(3, static_cast<std::uint64_t>(text::SegmenterType::kBpe));
  if (has_bytes) trainer += varint_field(35, 1);  // byte_fallback
  proto += bytes_field(2, trainer);
  const auto bytes = std::as_bytes(std::span(proto));
  return {bytes.begin(), bytes.end()};
}

std::vector<std::byte> read_model(const GgufFile& file) {
  if (!file.has(kModelKey)) return model_of(file.texts(kPiecesKey));
  auto model = from_base64(file.text(kModelKey));
  if (!model) fail_bad_input("{}: {} is damaged (expected base64)", file.source(), kModelKey);
  return std::move(*model);
}

}  // namespace

TokenizerFiles read_gguf_tokenizer(const GgufFile& file, int size) {
  return make_tokenizer_files(read_model(file), size, file.source(), "asr.rnnt.vocab_size without blank");
}

}  // namespace glossa::checkpoint
