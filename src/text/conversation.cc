#include "text/conversation.h"

#include <algorithm>

namespace glossa::text {

std::vector<ChannelSentence> sentences_in_order(std::span<const Transcript> channels) {
  std::vector<ChannelSentence> all;
  for (std::size_t channel = 0; channel < channels.size(); ++channel) {
    for (const Sentence& sentence : channels[channel].sentences) all.push_back({channel, &sentence});
  }
  std::stable_sort(all.begin(), all.end(), [](const ChannelSentence& a, const ChannelSentence& b) {
    return a.sentence->start < b.sentence->start;
  });
  return all;
}

std::vector<ChannelTurn> turns_in_order(std::span<const Transcript> channels) {
  std::vector<ChannelTurn> turns;
  for (const auto& [channel, sentence] : sentences_in_order(channels)) {
    if (turns.empty() || turns.back().channel != channel) {
      turns.push_back({channel, sentence->text});
    } else {
      turns.back().text += " " + sentence->text;
    }
  }
  return turns;
}

}  // namespace glossa::text
