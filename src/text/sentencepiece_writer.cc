#include "text/sentencepiece_writer.h"

#include <bit>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/little_endian.h"

namespace glossa::text {
namespace {

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
  append_number(text, std::bit_cast<std::uint32_t>(value), 4);
  return text;
}

std::string piece_bytes(const Piece& piece) {
  return bytes_field(1, piece.text) + float_field(2, piece.score) +
         varint_field(3, static_cast<std::uint64_t>(piece.type));
}

std::string trainer_bytes(const TrainerSpec& trainer) {
  return varint_field(3, static_cast<std::uint64_t>(trainer.model_type)) +
         varint_field(24, trainer.treat_whitespace_as_suffix) + varint_field(35, trainer.byte_fallback) +
         bytes_field(44, trainer.unk_surface);
}

std::string normalizer_bytes(const NormalizerSpec& normalizer) {
  return bytes_field(2, normalizer.precompiled_charsmap) + varint_field(3, normalizer.add_dummy_prefix) +
         varint_field(4, normalizer.remove_extra_whitespaces) +
         varint_field(5, normalizer.escape_whitespaces);
}

}  // namespace

std::vector<std::byte> write_sentencepiece_proto(const SentencePieceProto& proto) {
  std::string text;
  for (const Piece& piece : proto.pieces) text += bytes_field(1, piece_bytes(piece));
  text += bytes_field(2, trainer_bytes(proto.trainer)) + bytes_field(3, normalizer_bytes(proto.normalizer));
  const auto bytes = std::as_bytes(std::span(text));
  return {bytes.begin(), bytes.end()};
}

}  // namespace glossa::text
