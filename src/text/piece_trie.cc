#include "text/piece_trie.h"

#include <algorithm>

namespace glossa::text {

PieceTrie::PieceTrie(std::vector<std::pair<std::string_view, int>> entries) {
  std::sort(entries.begin(), entries.end());  // std::string_view compares bytes as unsigned
  // Breadth first: the entries [begin, end) share their first `depth` bytes, which lead to the node of equal
  // index.
  struct Range {
    std::size_t begin, end, depth;
  };
  std::vector<Range> ranges{{0, entries.size(), 0}};
  nodes_.emplace_back();
  for (std::size_t current = 0; current < ranges.size(); ++current) {
    auto [begin, end, depth] = ranges[current];
    if (begin < end && entries[begin].first.size() == depth) {
      nodes_[current].id = entries[begin].second;
      ++begin;
    }
    nodes_[current].first_child = static_cast<std::uint32_t>(nodes_.size());
    while (begin < end) {
      const char label = entries[begin].first[depth];
      std::size_t stop = begin + 1;
      while (stop < end && entries[stop].first[depth] == label) ++stop;
      Node child;
      child.label = static_cast<unsigned char>(label);
      nodes_.push_back(child);
      ranges.push_back({begin, stop, depth + 1});
      ++nodes_[current].children;
      begin = stop;
    }
  }
}

PieceTrie::Place PieceTrie::step(Place place, char next) const {
  const Node& node = nodes_[place];
  const auto label = static_cast<unsigned char>(next);
  const auto first = nodes_.begin() + node.first_child;
  const auto last = first + node.children;
  const auto child = std::lower_bound(first, last, label,
                                      [](const Node& n, unsigned char wanted) { return n.label < wanted; });
  if (child == last || child->label != label) return kNowhere;
  return static_cast<Place>(child - nodes_.begin());
}

std::size_t PieceTrie::longest_prefix(std::string_view text) const {
  std::size_t longest = 0;
  Place place = kRoot;
  for (std::size_t at = 0; at < text.size(); ++at) {
    place = step(place, text[at]);
    if (place == kNowhere) break;
    if (id_at(place) >= 0) longest = at + 1;
  }
  return longest;
}

}  // namespace glossa::text
