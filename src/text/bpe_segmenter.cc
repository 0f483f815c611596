#include <algorithm>
#include <cstddef>
#include <queue>
#include <unordered_map>
#include <utility>

#include "text/sentencepiece_segmenter.h"
#include "text/utf8.h"

namespace glossa::text {
namespace {

// How a piece that must not be used was merged from two others. The last pair that was seen counts.
using Splits = std::unordered_map<std::string_view, std::pair<std::string_view, std::string_view>>;

// One text on its way from characters to pieces.
class Merger {
 public:
  Merger(const Vocabulary& vocabulary, const PieceTrie& user_defined, std::string_view text)
      : vocabulary_(vocabulary) {
    while (!text.empty()) {
      const std::size_t protected_length = user_defined.longest_prefix(text);
      const std::size_t length =
          protected_length > 0 ? protected_length : std::min(promised_length(text[0]), text.size());
      const int index = static_cast<int>(symbols_.size());
      symbols_.push_back({text.substr(0, length), index - 1, index + 1, protected_length > 0});
      text.remove_prefix(length);
    }
    if (!symbols_.empty()) symbols_.back().next = kEnd;
  }

  std::vector<Segment> run() {
    for (int right = 1; right < static_cast<int>(symbols_.size()); ++right) consider(right - 1, right);
    while (!agenda_.empty()) {
      const Pair pair = agenda_.top();
      agenda_.pop();
      Symbol& left = symbols_[static_cast<std::size_t>(pair.left)];
      Symbol& right = symbols_[static_cast<std::size_t>(pair.right)];
      // One of the two has been merged with another neighbour since.
      if (left.text.empty() || right.text.empty() || left.text.size() + right.text.size() != pair.size)
        continue;
      left.text = joined(left.text, right.text);
      left.next = right.next;
      if (right.next != kEnd) symbols_[static_cast<std::size_t>(right.next)].previous = pair.left;
      right.text = {};
      consider(left.previous, pair.left);
      consider(pair.left, left.next);
    }
    std::vector<Segment> segments;
    for (int at = symbols_.empty() ? kEnd : 0; at != kEnd; at = symbols_[static_cast<std::size_t>(at)].next) {
      append(symbols_[static_cast<std::size_t>(at)].text, segments);
    }
    return segments;
  }

 private:
  static constexpr int kEnd = -1;

  struct Symbol {
    std::string_view text;  // empty once merged into its left neighbour
    int previous;
    int next;
    bool frozen;
  };
  struct Pair {
    float score;
    int left;
    int right;
    std::size_t size;  // bytes of both when the pair was found
  };
  struct LaterFirst {
    bool operator()(const Pair& a, const Pair& b) const {
      return a.score < b.score || (a.score == b.score && a.left > b.left);
    }
  };

  // Neighbours lie side by side in the text.
  static std::string_view joined(std::string_view left, std::string_view right) {
    return {left.data(), left.size() + right.size()};
  }

  void consider(int left, int right) {
    if (left == kEnd || right == kEnd) return;
    const Symbol& a = symbols_[static_cast<std::size_t>(left)];
    const Symbol& b = symbols_[static_cast<std::size_t>(right)];
    if (a.frozen || b.frozen) return;
    const std::string_view piece = joined(a.text, b.text);
    const int id = vocabulary_.find_segment(piece);
    if (id < 0) return;
    agenda_.push({vocabulary_[id].score, left, right, piece.size()});
    if (vocabulary_[id].type == PieceType::kUnused) splits_[piece] = {a.text, b.text};
  }

  // Unused pieces serve as steps to longer ones; where one is left over, it is taken apart again.
  void append(std::string_view piece, std::vector<Segment>& segments) const {
    std::vector<std::string_view> pending{piece};
    while (!pending.empty()) {
      const std::string_view next = pending.back();
      pending.pop_back();
      const int id = vocabulary_.find(next);
      const auto split =
          id >= 0 && vocabulary_[id].type == PieceType::kUnused ? splits_.find(next) : splits_.end();
      if (split == splits_.end()) {
        segments.push_back({next, id >= 0 ? id : vocabulary_.unk_id()});
      } else {
        pending.push_back(split->second.second);
        pending.push_back(split->second.first);
      }
    }
  }

  const Vocabulary& vocabulary_;
  std::vector<Symbol> symbols_;
  std::priority_queue<Pair, std::vector<Pair>, LaterFirst> agenda_;
  Splits splits_;
};

class BpeSegmenter : public Segmenter {
 public:
  BpeSegmenter(const Vocabulary& vocabulary, const PieceTrie& user_defined)
      : vocabulary_(vocabulary), user_defined_(user_defined) {}

  std::vector<Segment> segment(std::string_view normalized) const override {
    return Merger(vocabulary_, user_defined_, normalized).run();
  }

 private:
  const Vocabulary& vocabulary_;
  const PieceTrie& user_defined_;
};

}  // namespace

std::unique_ptr<Segmenter> make_bpe_segmenter(const Vocabulary& vocabulary, const PieceTrie& user_defined) {
  return std::make_unique<BpeSegmenter>(vocabulary, user_defined);
}

}  // namespace glossa::text
