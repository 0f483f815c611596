// Oracles: definitions of speed, decibel and signal-to-noise ratio, measured on the output.
#include "train/augment/waveform.h"

#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <numbers>
#include <set>

#include "glossa/error.hpp"

namespace glossa::train {
namespace {

constexpr int kRate = 16000;

std::vector<float> tone(double hertz, std::size_t samples, double amplitude = 0.5) {
  std::vector<float> result(samples);
  for (std::size_t at = 0; at < samples; ++at) {
    result[at] = static_cast<float>(amplitude *
                                    std::sin(2 * std::numbers::pi * hertz * static_cast<double>(at) / kRate));
  }
  return result;
}

double power(const std::vector<float>& samples) {
  double sum = 0;
  for (const float sample : samples) sum += double{sample} * sample;
  return sum / static_cast<double>(samples.size());
}

// Amplitude of one frequency.
double amplitude_at(const std::vector<float>& samples, double hertz) {
  double real = 0;
  double imaginary = 0;
  for (std::size_t at = 0; at < samples.size(); ++at) {
    const double angle = 2 * std::numbers::pi * hertz * static_cast<double>(at) / kRate;
    real += samples[at] * std::cos(angle);
    imaginary += samples[at] * std::sin(angle);
  }
  return 2 * std::hypot(real, imaginary) / static_cast<double>(samples.size());
}

TEST(Waveform, SpeedMovesLengthAndPitch) {
  const auto input = tone(1000, 2 * kRate);
  for (const double speed : {0.9, 1.1, 1.25}) {
    const auto output = change_speed(input, speed, kRate);
    EXPECT_NEAR(static_cast<double>(output.size()), 2 * kRate / speed, 1) << speed;
    EXPECT_NEAR(amplitude_at(output, 1000 * speed), 0.5, 0.01) << speed;
    EXPECT_LT(amplitude_at(output, 1000), 0.02) << speed;
  }
  EXPECT_THROW(change_speed(input, 0, kRate), Error);
}

TEST(Waveform, NoiseMeetsTheRatio) {
  const auto speech = tone(300, kRate);
  const auto noise = tone(2000, 1601, 0.01);  // shorter: repeated
  for (const double snr : {-5.0, 0.0, 20.0}) {
    auto mixed = speech;
    ASSERT_TRUE(add_noise(mixed, noise, 77, snr));
    for (std::size_t at = 0; at < mixed.size(); ++at) mixed[at] -= speech[at];
    EXPECT_NEAR(10 * std::log10(power(speech) / power(mixed)), snr, 0.01);
  }
}

TEST(Waveform, SilenceIsNotMixed) {
  std::vector<float> silence(100);
  EXPECT_FALSE(add_noise(silence, tone(300, 100), 0, 10));
  EXPECT_EQ(silence, std::vector<float>(100));
  auto speech = tone(300, 100);
  EXPECT_FALSE(add_noise(speech, silence, 0, 10));
  EXPECT_FALSE(add_noise(speech, {}, 0, 10));
  EXPECT_EQ(speech, tone(300, 100));
}

WaveformConfig everything() {
  return {.perturb_speed = true, .noise_mix_prob = 0.5, .gain_prob = 0.5, .white_noise_prob = 0.5};
}

NoiseSource two_noises() {
  return {2, [](std::size_t index) { return tone(index == 0 ? 3000 : 5000, 4000); }};
}

TEST(Waveform, TheSeedDecidesAlone) {
  const WaveformAugment one(everything(), kRate, two_noises());
  const WaveformAugment other(everything(), kRate, two_noises());
  const data::Cut cut;
  std::set<std::vector<float>> different;
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    auto first = tone(440, 8000);
    auto second = first;
    one(first, cut, seed);
    other(second, cut, seed);
    ASSERT_EQ(first, second) << seed;
    different.insert(first);
  }
  EXPECT_GT(different.size(), 40U);
}

TEST(Waveform, AllSpeedsAndNoisesOccurEquallyOften) {
  const WaveformAugment augment({.perturb_speed = true, .noise_mix_prob = 0.5}, kRate, two_noises());
  std::map<double, int> speeds;
  int mixed = 0;
  const auto speech = tone(440, 1600);
  constexpr int kSeeds = 3000;
  for (std::uint64_t seed = 0; seed < kSeeds; ++seed) {
    const double speed = augment.speed_of(seed);
    ++speeds[speed];
    if (speed != 1) continue;
    auto samples = speech;
    augment(samples, {}, seed);
    if (samples != speech) ++mixed;
  }
  ASSERT_EQ(speeds.size(), 3U);
  // Five standard deviations of a binomial count.
  for (const auto& [speed, count] : speeds) EXPECT_NEAR(count, kSeeds / 3, 130) << speed;
  EXPECT_NEAR(mixed, kSeeds / 6, 110);
}

TEST(Waveform, ARangeOfSpeedsIsUsed) {
  const WaveformAugment augment({.perturb_speed = true, .speed_range = {0.8, 1.2}}, kRate);
  double least = 2;
  double most = 0;
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    least = std::min(least, augment.speed_of(seed));
    most = std::max(most, augment.speed_of(seed));
  }
  EXPECT_GE(least, 0.8);
  EXPECT_LT(least, 0.83);
  EXPECT_LE(most, 1.2);
  EXPECT_GT(most, 1.17);
}

TEST(Waveform, GainAndWhiteNoiseHaveTheirLevel) {
  auto samples = tone(440, kRate);
  WaveformAugment({.gain_prob = 1, .gain_db = {-6, -6}}, kRate)(samples, {}, 1);
  EXPECT_NEAR(10 * std::log10(power(samples) / power(tone(440, kRate))), -6, 1e-3);
  std::vector<float> silence(kRate);
  WaveformAugment({.white_noise_prob = 1, .white_noise_db = {-40, -40}}, kRate)(silence, {}, 1);
  EXPECT_NEAR(10 * std::log10(power(silence)), -40, 0.3);
}

TEST(Waveform, OffMeansUntouched) {
  auto samples = tone(440, 1000);
  WaveformAugment({}, kRate)(samples, {}, 3);  // noise without a source is off, too
  EXPECT_EQ(samples, tone(440, 1000));
}

TEST(Waveform, RefusesSettingsOutOfRange) {
  EXPECT_THROW(WaveformAugment({.noise_mix_prob = 1.5}, kRate), Error);
  EXPECT_THROW(WaveformAugment({.noise_snr = {20, 10}}, kRate), Error);
  EXPECT_THROW(WaveformAugment({.perturb_speed = true, .speeds = {}}, kRate), Error);
  EXPECT_THROW(WaveformAugment({.speeds = {1.0, 0.01}}, kRate), Error);
  EXPECT_THROW(WaveformAugment({.speed_range = {1.2, 0.8}}, kRate), Error);
}

}  // namespace
}  // namespace glossa::train
