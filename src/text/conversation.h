// A recording with a speaker on each channel: what was said on them, in one order.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "glossa/types.hpp"

namespace glossa::text {

struct ChannelSentence {
  std::size_t channel = 0;  // from 0
  const Sentence* sentence = nullptr;
};

// The sentences of all channels by their start; of the same start, by channel. They point into `channels`.
std::vector<ChannelSentence> sentences_in_order(std::span<const Transcript> channels);

// Sentences of one channel that no other channel's sentence begins between.
struct ChannelTurn {
  std::size_t channel = 0;  // from 0
  std::string text;
};

std::vector<ChannelTurn> turns_in_order(std::span<const Transcript> channels);

}  // namespace glossa::text
