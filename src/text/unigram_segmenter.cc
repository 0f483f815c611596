#include <algorithm>
#include <cfloat>
#include <cstddef>
#include <string>
#include <utility>

#include "glossa/error.hpp"
#include "text/sentencepiece_segmenter.h"
#include "text/utf8.h"

namespace glossa::text {
namespace {

constexpr float kUnknownPenalty = 10;

class UnigramSegmenter : public Segmenter {
 public:
  explicit UnigramSegmenter(const Vocabulary& vocabulary)
      : vocabulary_(vocabulary), trie_(segmentable_pieces(vocabulary)) {
    // The reference starts from the smallest positive float, so a vocabulary of negative scores has maximum
    // ~0.
    float smallest = FLT_MAX;
    for (const Piece& piece : vocabulary.pieces()) {
      if (piece.type != PieceType::kNormal) continue;
      smallest = std::min(smallest, piece.score);
      max_score_ = std::max(max_score_, piece.score);
    }
    unknown_score_ = smallest - kUnknownPenalty;
  }

  std::vector<Segment> segment(std::string_view normalized) const override {
    std::vector<Node> best(normalized.size() + 1);  // by the byte at which a path ends
    for (std::size_t begin = 0; begin < normalized.size();) {
      const std::size_t character = std::min(promised_length(normalized[begin]), normalized.size() - begin);
      const bool covered = extend(normalized, begin, character, best);
      if (!covered) {
        const float score = unknown_score_ + best[begin].score;
        best[begin + character].offer(score, begin, vocabulary_.unk_id());
      }
      begin += character;
    }
    std::vector<Segment> segments;
    for (std::size_t end = normalized.size(); end > 0;) {
      const Node& node = best[end];
      if (node.begin == kNone) throw Error(ErrorCode::kInternal, "a text without a path through its pieces");
      segments.push_back({normalized.substr(node.begin, end - node.begin), node.id});
      end = node.begin;
    }
    std::reverse(segments.begin(), segments.end());
    return segments;
  }

 private:
  static constexpr std::size_t kNone = static_cast<std::size_t>(-1);

  // The last piece of the best path that ends at a place.
  struct Node {
    std::size_t begin = kNone;
    float score = 0;  // of the whole path
    int id = -1;

    // Compared before the score is rounded to float, as in the reference.
    void offer(double path_score, std::size_t from, int piece_id) {
      if (begin != kNone && !(path_score > score)) return;
      begin = from;
      score = static_cast<float>(path_score);
      id = piece_id;
    }
  };

  static std::vector<std::pair<std::string_view, int>> segmentable_pieces(const Vocabulary& vocabulary) {
    std::vector<std::pair<std::string_view, int>> entries;
    for (int id = 0; id < vocabulary.size(); ++id) {
      const PieceType type = vocabulary[id].type;
      if (type == PieceType::kNormal || type == PieceType::kUserDefined)
        entries.emplace_back(vocabulary[id].text, id);
    }
    return entries;
  }

  // A user-defined piece costs next to nothing, so that it always wins; double, as in the reference.
  double score_of(int id, std::size_t length) const {
    const Piece& piece = vocabulary_[id];
    if (piece.type != PieceType::kUserDefined) return piece.score;
    return static_cast<float>(length) * max_score_ - 0.1;
  }

  // Offers every piece that starts at `begin`; true when one of them is exactly the one character there.
  bool extend(std::string_view text, std::size_t begin, std::size_t character,
              std::vector<Node>& best) const {
    bool covered = false;
    const double score_here = best[begin].score;
    PieceTrie::Place place = PieceTrie::kRoot;
    for (std::size_t end = begin + 1; end <= text.size(); ++end) {
      place = trie_.step(place, text[end - 1]);
      if (place == PieceTrie::kNowhere) break;
      const int id = trie_.id_at(place);
      if (id < 0) continue;
      best[end].offer(score_of(id, end - begin) + score_here, begin, id);
      covered = covered || end - begin == character;
    }
    return covered;
  }

  const Vocabulary& vocabulary_;
  PieceTrie trie_;
  float max_score_ = FLT_MIN;
  float unknown_score_ = 0;
};

}  // namespace

std::unique_ptr<Segmenter> make_unigram_segmenter(const Vocabulary& vocabulary) {
  return std::make_unique<UnigramSegmenter>(vocabulary);
}

}  // namespace glossa::text
