#include "engine/lm_fusion.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

namespace glossa::engine {

LmFusion::LmFusion(lm::NgramAutomaton automaton, std::span<const std::string> lang_tags)
    : automaton_(std::move(automaton)) {
  for (std::size_t label = 0; label < lang_tags.size(); ++label) {
    is_tag_.push_back(!lang_tags[label].empty());
    if (is_tag_.back()) tags_.push_back(static_cast<int>(label));
  }
}

int LmFusion::choose(std::span<const float> logits, int state, float alpha, std::span<float> fused) const {
  constexpr float kNever = -std::numeric_limits<float>::infinity();
  const auto pieces = static_cast<std::size_t>(vocabulary());
  automaton_.log_probs(at(state), fused.first(pieces));
  for (std::size_t label = 0; label < pieces; ++label) fused[label] = logits[label] + alpha * fused[label];
  std::fill(fused.begin() + static_cast<std::ptrdiff_t>(pieces), fused.end(), kNever);
  for (const int tag : tags_) fused[static_cast<std::size_t>(tag)] = kNever;
  return static_cast<int>(std::max_element(fused.begin(), fused.end()) - fused.begin());
}

void LmFusion::weigh(std::span<float> scores, int state, float alpha, std::span<float> scratch) const {
  constexpr double kMostOwn = 0.99;  // NeMo's eps
  const auto blank = static_cast<std::size_t>(vocabulary());
  automaton_.log_probs(at(state), scratch.first(blank));
  double own = std::exp(scores[blank]);
  for (const int tag : tags_) own += std::exp(scores[static_cast<std::size_t>(tag)]);
  const auto others = static_cast<float>(std::log1p(-std::min(own, kMostOwn)));
  for (const int tag : tags_) {
    const auto label = static_cast<std::size_t>(tag);
    scratch[label] = scores[label] - others;
  }
  for (std::size_t label = 0; label < blank; ++label) scores[label] += alpha * (others + scratch[label]);
  scores[blank] *= 1 + alpha;
}

int LmFusion::next(int state, int label) const {
  return is_tag(label) ? kStart : automaton_.next(at(state), label);
}

}  // namespace glossa::engine
