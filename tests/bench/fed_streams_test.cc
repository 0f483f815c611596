#include "bench/fed_streams.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "bench/synthetic_speech.h"
#include "support/golden.h"

namespace glossa::bench {
namespace {

std::shared_ptr<const Recognizer> tiny() {
  return Recognizer::load({.model = testing::golden_model_path("tiny"), .threads = 1});
}

TEST(FedStream, EveryAcceptMakesExactlyOneChunk) {
  const auto recognizer = tiny();
  const std::vector<float> sound = synthetic_speech(1.3, 16000, 1);
  for (const AttContext context : {AttContext{56, 0}, AttContext{56, 3}, AttContext{56, 13}}) {
    FedStream fed(*recognizer, context, sound, 12345);
    Stream* batch[] = {&fed.stream()};
    for (int chunk = 0; chunk < 5; ++chunk) {
      EXPECT_FALSE(fed.stream().is_ready());
      const double before = fed.stream().transcript().duration;
      fed.accept_chunk();
      EXPECT_TRUE(fed.stream().is_ready());
      const double heard = fed.stream().transcript().duration - before;
      if (chunk > 0) {
        EXPECT_NEAR(heard, fed.chunk_seconds(), 1e-9);
      }
      recognizer->decode(batch);
    }
  }
}

TEST(WarmStreams, HaveHeardTheirWholePast) {
  const auto recognizer = tiny();
  const std::vector<float> sound = synthetic_speech(2, 16000, 1);
  const Setting mixed{{{56, 0}, {56, 13}}};
  std::vector<FedStream> streams = warm_streams(*recognizer, mixed, 3, sound);
  add_warm_streams(*recognizer, mixed, 2, sound, streams);
  ASSERT_EQ(streams.size(), 5u);
  for (std::size_t index = 0; index < streams.size(); ++index) {
    EXPECT_EQ(streams[index].chunk_frames(), index % 2 == 0 ? 1 : 14);
    EXPECT_FALSE(streams[index].stream().is_ready());
    EXPECT_GE(streams[index].stream().transcript().duration, 56 * 0.08);
  }
  EXPECT_EQ(mixed.name(), "mixed");
  const Setting one{{{56, 3}}};
  EXPECT_EQ(one.name(), "[56,3]");
}

TEST(SyntheticSpeech, IsRepeatableAndModulated) {
  const std::vector<float> sound = synthetic_speech(3, 16000, 1);
  ASSERT_EQ(sound.size(), 48000u);
  EXPECT_EQ(sound, synthetic_speech(3, 16000, 1));
  EXPECT_NE(sound, synthetic_speech(3, 16000, 2));
  float loudest = 0;
  std::vector<double> energy;  // of each tenth of a second
  for (std::size_t index = 0; index < sound.size(); ++index) {
    loudest = std::max(loudest, std::abs(sound[index]));
    if (index % 1600 == 0) energy.push_back(0);
    energy.back() += static_cast<double>(sound[index]) * sound[index];
  }
  EXPECT_GT(loudest, 0.05f);
  EXPECT_LE(loudest, 1.0f);
  const auto [low, high] = std::minmax_element(energy.begin(), energy.end());
  EXPECT_GT(*high, 10 * *low);
}

}  // namespace
}  // namespace glossa::bench
