#include "engine/phrase_boost.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <string>
#include <utility>

#include "base/fail.h"
#include "base/printable.h"
#include "text/text_style.h"
#include "text/utf8.h"

namespace glossa::engine {
namespace {

constexpr std::size_t kMostPhrases = 5000;
constexpr std::size_t kMostBytes = 200;      // of a phrase
constexpr std::size_t kMostLabels = 50'000;  // of all, every spelling
constexpr float kFirstLabel = 0.25f;
constexpr float kDepthScaling = 2;

float worth(float score, int depth) {
  return depth == 1 ? score * kFirstLabel : score * kDepthScaling + std::log(static_cast<float>(depth));
}

// As it is being built.
struct Branch {
  std::map<int, int> children;  // label -> index
  float score = 0;              // of its best phrase
  bool completes = false;
  int depth = 0;
};

std::vector<Branch> grow(std::span<const PhraseBoost::Phrase> phrases) {
  std::vector<Branch> tree(1);
  for (const PhraseBoost::Phrase& phrase : phrases) {
    int at = 0;
    for (const int label : phrase.labels) {
      const auto [found, is_new] =
          tree[static_cast<std::size_t>(at)].children.try_emplace(label, static_cast<int>(tree.size()));
      const int child = found->second;
      const int depth = tree[static_cast<std::size_t>(at)].depth + 1;
      if (is_new) tree.push_back({.depth = depth});
      at = child;
      Branch& branch = tree[static_cast<std::size_t>(at)];
      branch.score = std::max(branch.score, phrase.score);
    }
    tree[static_cast<std::size_t>(at)].completes = true;
  }
  return tree;
}

}  // namespace

PhraseBoost::PhraseBoost(std::span<const Phrase> phrases) {
  const std::vector<Branch> tree = grow(phrases);
  std::vector<int> branches = {0};  // of the nodes, breadth first
  nodes_.resize(1);
  for (std::size_t at = 0; at < branches.size(); ++at) {
    const Branch& branch = tree[static_cast<std::size_t>(branches[at])];
    nodes_[at].first_child = static_cast<int>(children_.size());
    nodes_[at].child_count = static_cast<int>(branch.children.size());
    for (const auto& [label, index] : branch.children) {
      const Branch& below = tree[static_cast<std::size_t>(index)];
      const float bonus = nodes_[at].held + worth(below.score, below.depth);
      children_.push_back({label, static_cast<int>(branches.size())});
      branches.push_back(index);
      nodes_.push_back({.fallback = at == 0 ? kStart : next(nodes_[at].fallback, label),
                        .bonus = bonus,
                        .held = below.completes ? 0 : bonus});
    }
  }
}

std::span<const PhraseBoost::Child> PhraseBoost::children(int node) const {
  const Node& parent = nodes_[static_cast<std::size_t>(node)];
  return std::span(children_).subspan(static_cast<std::size_t>(parent.first_child),
                                      static_cast<std::size_t>(parent.child_count));
}

int PhraseBoost::child(int node, int label) const {
  const std::span<const Child> all = children(node);
  const auto found =
      std::lower_bound(all.begin(), all.end(), label, [](const Child& c, int l) { return c.label < l; });
  return found != all.end() && found->label == label ? found->node : -1;
}

int PhraseBoost::next(int state, int label) const {
  while (true) {
    const int found = child(state, label);
    if (found >= 0) return found;
    if (state == kStart) return kStart;
    state = nodes_[static_cast<std::size_t>(state)].fallback;
  }
}

int PhraseBoost::choose(std::span<const float> logits, int best, int state) const {
  int chosen = best;
  float most = logits[static_cast<std::size_t>(best)];
  for (bool at_start = false; !at_start; state = nodes_[static_cast<std::size_t>(state)].fallback) {
    at_start = state == kStart;
    for (const Child& child : children(state)) {
      const float sum =
          logits[static_cast<std::size_t>(child.label)] + nodes_[static_cast<std::size_t>(child.node)].bonus;
      const bool is_first = child.label == best || (chosen != best && child.label < chosen);
      if (sum > most || (sum == most && is_first)) {
        most = sum;
        chosen = child.label;
      }
    }
  }
  return chosen;
}

void PhraseBoost::add_bonuses(std::span<float> scores, int state) const {
  const float given_back = held(state);
  if (given_back != 0) {
    for (float& score : scores) score -= given_back;
  }
  // The longest phrase that a label goes on with is what it leads to, as in next().
  for (int node = state;; node = nodes_[static_cast<std::size_t>(node)].fallback) {
    for (const Child& child : children(node)) {
      const int leads_to = next(state, child.label);
      if (leads_to != child.node) continue;
      scores[static_cast<std::size_t>(child.label)] += nodes_[static_cast<std::size_t>(child.node)].bonus;
    }
    if (node == kStart) return;
  }
}

PhraseBoost make_phrase_boost(std::span<const BoostedPhrase> phrases, const text::SentencePiece& pieces) {
  if (phrases.size() > kMostPhrases)
    fail_invalid_argument("there are {} boosted phrases, expected {} at most", phrases.size(), kMostPhrases);
  std::vector<PhraseBoost::Phrase> encoded;
  std::size_t count = 0;
  for (const BoostedPhrase& phrase : phrases) {
    if (phrase.text.size() > kMostBytes) {
      fail_invalid_argument("boosted phrase \"{}...\" has {} bytes, expected {} at most",
                            printable(phrase.text.substr(0, 40)), phrase.text.size(), kMostBytes);
    }
    if (!(phrase.score > 0 && phrase.score <= kMostBoost)) {
      fail_invalid_argument("the boost of \"{}\" is {}, expected above 0 and at most {}",
                            printable(phrase.text), phrase.score, kMostBoost);
    }
    for (const std::string& spelling : {phrase.text, text::capitalised(phrase.text)}) {
      std::vector<int> labels = pieces.encode(spelling);
      if (labels.empty()) fail_invalid_argument("a boosted phrase is empty");
      if (std::count(labels.begin(), labels.end(), pieces.unk_id()) > 0) {
        fail_invalid_argument(
            "boosted phrase \"{}\": the model cannot write it (its characters are not in the vocabulary)",
            printable(phrase.text));
      }
      count += labels.size();
      if (count > kMostLabels)
        fail_invalid_argument(
            "the boosted phrases have over {} pieces in all: fewer or shorter ones are needed", kMostLabels);
      // Where words are not separated, a phrase may begin behind any other character.
      if (labels.size() > 1 && pieces.piece(labels.front()) == text::kWordMark)
        encoded.push_back({{labels.begin() + 1, labels.end()}, phrase.score});
      encoded.push_back({std::move(labels), phrase.score});
    }
  }
  return PhraseBoost(encoded);
}

}  // namespace glossa::engine
