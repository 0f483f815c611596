#include "train/augment/waveform.h"

#include <cmath>
#include <utility>

#include "audio/resampler.h"
#include "base/fail.h"
#include "train/random.h"

namespace glossa::train {
namespace {

// Each use of a seed has a stream of its own, so that switching one augmentation does not change another.
enum Stream : std::uint64_t { kSpeed = 10, kGain, kNoise, kWhiteNoise };

constexpr double kSlowest = 0.25;
constexpr double kFastest = 4;

void expect_probability(const char* name, double value) {
  if (!(value >= 0 && value <= 1)) fail_invalid_argument("{} is {} (expected 0 to 1)", name, value);
}

void expect_range(const char* name, const Range& range, double least, double most) {
  if (!(range.low >= least && range.low <= range.high && range.high <= most)) {
    fail_invalid_argument("{} is [{}, {}] (expected [low, high] within {} to {})", name, range.low,
                          range.high, least, most);
  }
}

// Digital silence apart: it stands between joined utterances.
double power_of(const std::vector<float>& samples) {
  double sum = 0;
  std::size_t sounding = 0;
  for (const float sample : samples) {
    sum += double{sample} * sample;
    sounding += sample != 0 ? 1 : 0;
  }
  return sounding == 0 ? 0 : sum / static_cast<double>(sounding);
}

double amplitude_of_db(double db) { return std::pow(10.0, db / 20); }

}  // namespace

std::vector<float> change_speed(const std::vector<float>& samples, double speed, int sample_rate) {
  if (!(speed >= kSlowest && speed <= kFastest)) {
    fail_invalid_argument("speed is {} (expected {} to {})", speed, kSlowest, kFastest);
  }
  return audio::resample(samples, static_cast<int>(std::lround(sample_rate * speed)), sample_rate);
}

bool add_noise(std::vector<float>& samples, const std::vector<float>& noise, std::size_t offset,
               double snr_db) {
  if (samples.empty() || noise.empty()) return false;
  std::vector<float> added(samples.size());
  for (std::size_t at = 0; at < added.size(); ++at) added[at] = noise[(offset + at) % noise.size()];
  const double speech_power = power_of(samples);
  const double noise_power = power_of(added);
  if (!(speech_power > 0) || !(noise_power > 0)) return false;
  const auto gain = static_cast<float>(std::sqrt(speech_power / noise_power) * amplitude_of_db(-snr_db));
  for (std::size_t at = 0; at < added.size(); ++at) samples[at] += gain * added[at];
  return true;
}

WaveformAugment::WaveformAugment(WaveformConfig config, int sample_rate, NoiseSource noise)
    : config_(std::move(config)), sample_rate_(sample_rate), noise_(std::move(noise)) {
  constexpr double kMostDb = 200;
  expect_probability("noise_mix_prob", config_.noise_mix_prob);
  expect_probability("gain_prob", config_.gain_prob);
  expect_probability("white_noise_prob", config_.white_noise_prob);
  expect_range("noise_snr", config_.noise_snr, -kMostDb, kMostDb);
  expect_range("gain_db", config_.gain_db, -kMostDb, kMostDb);
  expect_range("white_noise_db", config_.white_noise_db, -kMostDb, kMostDb);
  if (config_.speed_range != Range{}) expect_range("speed_range", config_.speed_range, kSlowest, kFastest);
  if (config_.perturb_speed && config_.speeds.empty() && config_.speed_range == Range{}) {
    fail_invalid_argument("perturb_speed is on but there are no speeds");
  }
  for (const double speed : config_.speeds) expect_range("speeds", {speed, speed}, kSlowest, kFastest);
}

double WaveformAugment::speed_of(std::uint64_t seed) const {
  if (!config_.perturb_speed) return 1;
  CounterRandom random(seed, kSpeed);
  if (config_.speed_range != Range{})
    return random.uniform(config_.speed_range.low, config_.speed_range.high);
  return config_.speeds[random.below(config_.speeds.size())];
}

void WaveformAugment::mix_noise(std::vector<float>& samples, std::uint64_t seed) const {
  if (noise_.recordings == 0) return;
  CounterRandom random(seed, kNoise);
  if (random.uniform() >= config_.noise_mix_prob) return;
  const double snr = random.uniform(config_.noise_snr.low, config_.noise_snr.high);
  const std::vector<float> noise = noise_.samples(random.below(noise_.recordings));
  add_noise(samples, noise, noise.empty() ? 0 : random.below(noise.size()), snr);
}

void WaveformAugment::operator()(std::vector<float>& samples, const data::Cut&, std::uint64_t seed) const {
  if (const double speed = speed_of(seed); speed != 1) samples = change_speed(samples, speed, sample_rate_);
  CounterRandom gain(seed, kGain);
  if (gain.uniform() < config_.gain_prob) {
    const auto factor =
        static_cast<float>(amplitude_of_db(gain.uniform(config_.gain_db.low, config_.gain_db.high)));
    for (float& sample : samples) sample *= factor;
  }
  mix_noise(samples, seed);
  CounterRandom white(seed, kWhiteNoise);
  if (white.uniform() < config_.white_noise_prob) {
    const double level =
        amplitude_of_db(white.uniform(config_.white_noise_db.low, config_.white_noise_db.high));
    for (float& sample : samples) sample += static_cast<float>(level * white.noise());
  }
}

}  // namespace glossa::train
