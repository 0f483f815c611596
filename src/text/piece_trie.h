// A byte-wise prefix tree over vocabulary pieces: finds every piece that starts at a place of a text.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

namespace glossa::text {

// Immutable after construction; any thread may use it. Does not keep the strings it was built from.
class PieceTrie {
 public:
  // `entries` are distinct, non-empty texts with their ids (>= 0), in any order.
  explicit PieceTrie(std::vector<std::pair<std::string_view, int>> entries);

  bool empty() const { return nodes_.size() == 1; }

  // A place in the tree: start at kRoot, step byte by byte. step() gives kNowhere when no piece goes on like
  // that.
  using Place = std::uint32_t;
  static constexpr Place kRoot = 0;
  static constexpr Place kNowhere = 0xFFFFFFFF;
  Place step(Place place, char next) const;

  // The id of the piece that ends here, or -1.
  int id_at(Place place) const { return nodes_[place].id; }

  // Bytes of the longest piece that `text` starts with; 0 when there is none.
  std::size_t longest_prefix(std::string_view text) const;

 private:
  // The children of a node lie side by side, ordered by their label.
  struct Node {
    std::uint32_t first_child = 0;
    std::uint16_t children = 0;  // up to 256
    unsigned char label = 0;     // the byte that leads here
    int id = -1;
  };
  std::vector<Node> nodes_;
};

}  // namespace glossa::text
