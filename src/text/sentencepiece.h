// SentencePiece models: the vocabulary, text to ids and ids to text. Our own reader of the model proto,
// because the packaged library bundles a protobuf that cannot live in one process with gRPC or libtorch.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace glossa::text {

enum class PieceType { kNormal = 1, kUnknown = 2, kControl = 3, kUserDefined = 4, kUnused = 5, kByte = 6 };

// Immutable after construction; any thread may use it. Neither copied nor moved: others keep references to
// it.
class SentencePiece {
 public:
  // Reads a serialised ModelProto (unigram or BPE). The bytes need not outlive the call. `source` is for
  // messages. Error kBadInput for a proto that is cut, inconsistent, or of another model type.
  SentencePiece(std::span<const std::byte> model_proto, const std::string& source);
  ~SentencePiece();
  SentencePiece(const SentencePiece&) = delete;
  SentencePiece& operator=(const SentencePiece&) = delete;

  int size() const;  // pieces
  int unk_id() const;
  // An id outside [0, size()) is Error kInvalidArgument.
  std::string_view piece(int id) const;  // valid UTF-8, U+2581 marks a word start
  PieceType type(int id) const;
  int find(std::string_view piece) const;  // id, or -1; control, unknown and byte pieces before normal ones

  // Equal to SentencePieceProcessor::Encode of the reference library (best segmentation, no sampling).
  // Invalid UTF-8 becomes U+FFFD byte by byte. Time grows with the text (BPE: times its logarithm), not with
  // its square. Error kInvalidArgument above 16 MiB of text.
  std::vector<int> encode(std::string_view utf8) const;

  // Equal to SentencePieceProcessor::Decode, of ids and of pieces. Valid UTF-8, linear in the ids. Ids
  // outside [0, size()) are Error kInvalidArgument.
  std::string decode(std::span<const int> ids) const;

 private:
  class Impl;
  std::unique_ptr<const Impl> impl_;
};

}  // namespace glossa::text
