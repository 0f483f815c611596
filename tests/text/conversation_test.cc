#include "text/conversation.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace glossa::text {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

Transcript said(std::vector<Sentence> sentences) {
  Transcript transcript;
  transcript.sentences = std::move(sentences);
  return transcript;
}

std::vector<std::string> lines(const std::vector<Transcript>& channels) {
  std::vector<std::string> lines;
  for (const ChannelTurn& turn : turns_in_order(channels))
    lines.push_back(std::to_string(turn.channel) + " " + turn.text);
  return lines;
}

TEST(Conversation, SentencesOfAllChannelsByTheirStart) {
  const std::vector<Transcript> channels = {said({{"A.", "", 1, 2}, {"B.", "", 5, 9}}),
                                            said({{"C.", "", 0, 1}, {"D.", "", 5, 6}, {"E.", "", 7, 8}})};
  std::vector<std::string> order;
  for (const auto& [channel, sentence] : sentences_in_order(channels))
    order.push_back(std::to_string(channel) + sentence->text);
  EXPECT_THAT(order, ElementsAre("1C.", "0A.", "0B.", "1D.", "1E."));
}

TEST(Conversation, ATurnEndsWhereAnotherChannelBegins) {
  EXPECT_THAT(lines({said({{"A.", "", 1, 2}, {"B.", "", 3, 4}, {"C.", "", 8, 9}}), said({{"D.", "", 5, 6}})}),
              ElementsAre("0 A. B.", "1 D.", "0 C."));
  EXPECT_THAT(lines({{}, said({{"D.", "", 5, 6}})}), ElementsAre("1 D."));
  EXPECT_THAT(lines({{}, {}}), IsEmpty());
}

}  // namespace
}  // namespace glossa::text
