#include "checkpoint/tokenizer_files.h"

#include <fmt/format.h>

#include "base/fail.h"
#include "checkpoint/config_writer.h"
#include "text/sentencepiece_model.h"

namespace glossa::checkpoint {

std::vector<Artifact> TokenizerFiles::artifacts() const {
  return {{kTokenizerArtifact, model},
          {kVocabularyArtifact, std::as_bytes(std::span(vocabulary))},
          {kPieceArtifact, std::as_bytes(std::span(pieces))}};
}

TokenizerFiles make_tokenizer_files(std::vector<std::byte> model, int size, const std::string& source,
                                    const std::string& size_key) {
  TokenizerFiles files{std::move(model), {}, {}};
  const auto pieces = text::read_sentencepiece_proto(files.model, source).pieces;
  if (pieces.size() != static_cast<std::size_t>(size))
    fail_bad_input("{}: the tokenizer has {} pieces (expected {}: {})", source, pieces.size(), size,
                   size_key);
  for (const text::Piece& piece : pieces) {
    files.vocabulary += piece.text + "\n";
    files.pieces += fmt::format("{}\t{:g}\n", piece.text, piece.score);
  }
  return files;
}

}  // namespace glossa::checkpoint
