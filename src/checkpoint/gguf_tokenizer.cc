#include "checkpoint/gguf_tokenizer.h"

#include <string_view>

#include "base/base64.h"
#include "base/fail.h"
#include "text/sentencepiece_writer.h"

namespace glossa::checkpoint {
namespace {

constexpr std::string_view kModelKey = "asr.tokenizer.spm_model";
constexpr std::string_view kPiecesKey = "asr.tokenizer.vocab";

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

// Pieces of a BPE model are in the order of their merges.
std::vector<std::byte> model_of(const std::vector<std::string_view>& pieces) {
  text::SentencePieceProto proto;
  proto.trainer.model_type = text::SegmenterType::kBpe;
  float score = 0;
  for (const std::string_view piece : pieces) {
    const text::PieceType type = type_of(piece);
    proto.trainer.byte_fallback = proto.trainer.byte_fallback || type == text::PieceType::kByte;
    proto.pieces.push_back({std::string(piece), score, type});
    score -= 1;
  }
  return text::write_sentencepiece_proto(proto);
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
