#include "audio/resampler.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "audio/audio_file.h"
#include "audio/sound_files.h"
#include "glossa/error.hpp"
#include "support/golden.h"

namespace glossa::audio {
namespace {

using testing::snr_db;
using testing::sweep;

// Targets: SoX's own rate converter, written as 16 bit. Rounding to 16 bit leaves noise of -101 dB (with
// dither -96 dB) below full scale; the clips' mean power is about 26 dB below full scale. So 65 dB holds only
// if filter, delay and gain all agree; a delay of a tenth of a sample already gives 30 dB.
TEST(Resampler, AgreesWithSox) {
  const auto folder = testing::golden_dir() / "audio" / "formats";
  const auto targets = testing::list_files(folder, "", ".to16k_sox.wav");
  ASSERT_FALSE(targets.empty());
  for (const auto& target : targets) {
    const std::string name = target.filename().string();
    const auto source = folder / (name.substr(0, name.find(".to16k")) + ".wav");
    const AudioFile got = read_audio(source, 16000);
    const AudioFile expected = read_audio(target, 16000);
    EXPECT_EQ(got.samples.size(), expected.samples.size()) << name;
    EXPECT_GT(snr_db(got.samples, expected.samples), 65.0) << name;
  }
}

TEST(Resampler, KeepsTheDuration) {
  for (const int from : {8000, 11025, 22050, 44100, 48000, 96000, 192000, 655350, 1, 7}) {
    for (const std::size_t size : {0u, 1u, 2u, 100u, 12345u}) {
      const std::vector<float> samples(from < 100 ? size % 100 : size, 0.5f);
      const double exact = static_cast<double>(samples.size()) * 16000.0 / from;
      EXPECT_EQ(resample(samples, from, 16000).size(), static_cast<std::size_t>(std::floor(exact + 0.5)))
          << size << " samples at " << from << " Hz";
    }
  }
}

TEST(Resampler, EqualRatesPassThrough) {
  const auto samples = sweep(16000, 0.5);
  EXPECT_EQ(resample(samples, 16000, 16000), samples);
}

TEST(Resampler, SlicingNeverChangesTheResult) {
  std::mt19937 random(7);
  for (const int from : {8000, 44100, 48000, 16001}) {
    const auto samples = sweep(from, 1.3);
    const auto whole = resample(samples, from, 16000);
    Resampler resampler(from, 16000);
    std::vector<float> joined;
    const auto append = [&](const std::vector<float>& part) {
      joined.insert(joined.end(), part.begin(), part.end());
    };
    std::span<const float> rest = samples;
    while (!rest.empty()) {
      const std::size_t size = std::min<std::size_t>(random() % 3000, rest.size());
      append(resampler.push(rest.first(size)));
      rest = rest.subspan(size);
    }
    append(resampler.finish());
    EXPECT_EQ(joined, whole) << from;
  }
}

TEST(Resampler, KeepsAToneAndRemovesWhatCannotBeHeld) {
  const auto tone = [](int rate, double hertz) {
    std::vector<float> samples(static_cast<std::size_t>(rate));
    for (std::size_t index = 0; index < samples.size(); ++index) {
      samples[index] = static_cast<float>(std::sin(2 * M_PI * hertz * static_cast<double>(index) / rate));
    }
    return samples;
  };
  const auto middle = [](const std::vector<float>& samples) {
    return std::span(samples).subspan(2000, 12000);
  };
  const auto kept = resample(tone(48000, 1000), 48000, 16000);
  EXPECT_GT(snr_db(middle(kept), middle(tone(16000, 1000))), 120.0);  // VHQ is made for 28 bits
  const auto removed = resample(tone(48000, 9000), 48000, 16000);
  for (const float sample : middle(removed)) EXPECT_LT(std::abs(sample), 1e-6);
}

TEST(Resampler, RefusesRatesThatCannotBe) {
  EXPECT_THROW(Resampler(0, 16000), Error);
  EXPECT_THROW(Resampler(16000, -1), Error);
  EXPECT_THROW(Resampler(16000, 20'000'000), Error);
}

TEST(Resampler, RefusesSamplesAfterTheEnd) {
  Resampler resampler(8000, 16000);
  resampler.finish();
  EXPECT_TRUE(resampler.finish().empty());
  EXPECT_THROW(resampler.push(std::vector<float>(10)), Error);
}

}  // namespace
}  // namespace glossa::audio
