#include "data/draws.h"

#include <algorithm>
#include <numeric>
#include <utility>

namespace glossa::data {
namespace {

std::uint64_t splitmix64(std::uint64_t state) {
  state += 0x9e3779b97f4a7c15u;
  state = (state ^ (state >> 30)) * 0xbf58476d1ce4e5b9u;
  state = (state ^ (state >> 27)) * 0x94d049bb133111ebu;
  return state ^ (state >> 31);
}

}  // namespace

std::uint64_t random_bits(std::uint64_t seed, Purpose purpose, std::uint64_t counter) {
  return splitmix64(splitmix64(splitmix64(seed) ^ static_cast<std::uint64_t>(purpose)) ^ counter);
}

double random_unit(std::uint64_t seed, Purpose purpose, std::uint64_t counter) {
  return static_cast<double>(random_bits(seed, purpose, counter) >> 11) * 0x1p-53;
}

std::size_t random_below(std::uint64_t seed, Purpose purpose, std::uint64_t counter, std::size_t count) {
  return static_cast<std::size_t>(random_bits(seed, purpose, counter) % count);  // uneven by count / 2^64
}

Draws::Draws(std::vector<DrawnStream> streams, const SamplerOptions& options)
    : streams_(std::move(streams)),
      positions_(streams_.size()),
      seed_(options.seed),
      shuffled_(options.shuffle),
      endless_(options.endless) {
  // A weight of 0: never drawn, so neither waited for.
  if (shuffled_) {
    for (std::size_t index = 0; index < streams_.size(); ++index)
      positions_[index].done = !(streams_[index].weight > 0);
  }
  cumulative_.resize(streams_.size());
}

PlannedCut Draws::next() {
  const Cut* cut = shuffled_ ? next_shuffled() : next_in_order();
  if (cut == nullptr) return {};
  return {cut, random_bits(seed_, Purpose::kCut, drawn_++), nullptr};
}

const Cut* Draws::next_in_order() {
  if (current_ == streams_.size()) return nullptr;
  Position& position = positions_[current_];
  const DrawnStream& stream = streams_[current_];
  const Cut* cut = stream.cuts[position.at++];
  if (position.at == stream.cuts.size()) {
    position.at = 0;
    if (++current_ == streams_.size() && endless_) current_ = 0;
  }
  return cut;
}

const Cut* Draws::next_shuffled() {
  const std::size_t chosen = choose_stream();
  if (chosen == streams_.size()) return nullptr;
  Position& position = positions_[chosen];
  const DrawnStream& stream = streams_[chosen];
  if (position.at == 0) shuffle(chosen);
  const Cut* cut = stream.cuts[position.order[position.at++]];
  if (position.at == stream.cuts.size()) {
    position.at = 0;
    ++position.pass;
    position.done = !endless_;
  }
  return cut;
}

// streams().size() when all are done.
std::size_t Draws::choose_stream() {
  double sum = 0;
  for (std::size_t index = 0; index < streams_.size(); ++index) {
    if (!positions_[index].done) sum += streams_[index].weight;
    cumulative_[index] = sum;
  }
  if (!(sum > 0)) return streams_.size();
  const double drawn = random_unit(seed_, Purpose::kStream, drawn_) * sum;
  const auto found = std::upper_bound(cumulative_.begin(), cumulative_.end(), drawn);
  // Rounding may give `sum` itself: the last stream that is not done.
  if (found != cumulative_.end()) return static_cast<std::size_t>(found - cumulative_.begin());
  std::size_t last = streams_.size() - 1;
  while (positions_[last].done) --last;
  return last;
}

// Fisher-Yates; each stream and pass has its own numbers.
void Draws::shuffle(std::size_t stream) {
  Position& position = positions_[stream];
  position.order.resize(streams_[stream].cuts.size());
  std::iota(position.order.begin(), position.order.end(), 0u);
  const std::uint64_t seed = splitmix64(splitmix64(seed_ ^ splitmix64(stream)) + position.pass);
  for (std::size_t left = position.order.size(); left > 1; --left) {
    std::swap(position.order[left - 1], position.order[random_below(seed, Purpose::kOrder, left, left)]);
  }
}

}  // namespace glossa::data
