#include "features/streaming_log_mel.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <numbers>
#include <random>

#include "checkpoint/checkpoint.h"
#include "support/golden.h"

namespace glossa::features {
namespace {

constexpr model::FeatureConfig kConfig{
    .sample_rate = 16000, .window = 400, .hop = 160, .fft = 512, .mels = 128};

std::vector<float> whole(const LogMel& log_mel, std::span<const float> pcm) {
  std::vector<float> mels;
  StreamingLogMel stream(log_mel);
  stream.accept(pcm, mels);
  stream.finish(mels);
  return mels;
}

std::vector<float> noise(std::size_t samples) {
  std::mt19937 random(7);
  std::normal_distribution<float> normal(0, 0.1f);
  std::vector<float> pcm(samples);
  for (float& sample : pcm) sample = normal(random);
  return pcm;
}

TEST(StreamingLogMel, SlicesGiveTheBitsOfTheWhole) {
  const LogMel log_mel(kConfig, {}, {});
  std::mt19937 random(1);
  for (const std::size_t samples : {0, 1, 159, 160, 199, 200, 1279, 16000, 70001}) {
    const auto pcm = noise(samples);
    const auto expected = whole(log_mel, pcm);
    EXPECT_EQ(expected.size(), samples / 160 * 128) << "NeMo's length: samples / hop";
    for (const std::size_t largest : {1, 100, 161, 5000}) {
      StreamingLogMel stream(log_mel);
      std::vector<float> mels;
      std::size_t position = 0;
      while (position < samples) {
        const auto slice =
            std::min(std::uniform_int_distribution<std::size_t>(0, largest)(random), samples - position);
        stream.accept(std::span(pcm).subspan(position, slice), mels);
        position += slice;
      }
      stream.finish(mels);
      ASSERT_EQ(mels, expected) << samples << " samples in slices up to " << largest;
    }
  }
}

// A slow discrete Fourier transform in double precision, straight from the definition.
TEST(LogMel, EqualsTheDefinition) {
  const LogMel log_mel(kConfig, {}, {});
  const auto pcm = noise(1600);
  const auto actual = whole(log_mel, pcm);
  const auto filters = slaney_filters(kConfig);
  const auto window = hann_window(400);
  const auto emphasised = [&](std::int64_t index) {
    if (index < 0 || index >= static_cast<std::int64_t>(pcm.size())) return 0.0;
    const auto position = static_cast<std::size_t>(index);
    return pcm[position] - (position > 0 ? 0.97 * pcm[position - 1] : 0.0);
  };
  for (const std::int64_t frame : {0, 4, 9}) {
    std::vector<double> power(257);
    for (std::size_t bin = 0; bin < power.size(); ++bin) {
      double real = 0;
      double imaginary = 0;
      for (int index = 0; index < 400; ++index) {
        const double value = emphasised(160 * frame - 200 + index) * window[static_cast<std::size_t>(index)];
        const double angle = -2 * std::numbers::pi * static_cast<double>(bin) * (index + 56) / 512;
        real += value * std::cos(angle);
        imaginary += value * std::sin(angle);
      }
      power[bin] = real * real + imaginary * imaginary;
    }
    for (std::size_t mel = 0; mel < 128; ++mel) {
      double sum = 0;
      for (std::size_t bin = 0; bin < power.size(); ++bin) sum += filters[mel * 257 + bin] * power[bin];
      EXPECT_NEAR(actual[static_cast<std::size_t>(frame) * 128 + mel], std::log(sum + 0x1p-24), 1e-3)
          << frame;
    }
  }
}

TEST(LogMel, FiltersAndWindowEqualThoseOfACheckpoint) {
  const auto checkpoint = checkpoint::read_nemo(testing::golden_model_path("tiny"));
  const auto filters = slaney_filters(kConfig);
  const auto stored = checkpoint->tensor("preprocessor.featurizer.fb").to_f32();
  ASSERT_EQ(filters.size(), stored.size());
  for (std::size_t index = 0; index < filters.size(); ++index)
    ASSERT_NEAR(filters[index], stored[index], 1e-6);
  const auto window = hann_window(400);
  const auto stored_window = checkpoint->tensor("preprocessor.featurizer.window").to_f32();
  ASSERT_EQ(window.size(), stored_window.size());
  for (std::size_t index = 0; index < window.size(); ++index)
    ASSERT_NEAR(window[index], stored_window[index], 1e-6);
}

TEST(StreamingLogMel, StrangeSamplesGiveFiniteFrames) {
  const LogMel log_mel(kConfig, {}, {});
  for (const float value : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity(),
                            std::numeric_limits<float>::max(), -1e30f, 1e-45f}) {
    for (const float mel : whole(log_mel, std::vector<float>(4000, value)))
      ASSERT_TRUE(std::isfinite(mel)) << value;
  }
  for (const float mel : whole(log_mel, std::vector<float>(4000, 0.0f))) {
    ASSERT_FLOAT_EQ(mel, std::log(0x1p-24f)) << "digital silence";
  }
}

}  // namespace
}  // namespace glossa::features
