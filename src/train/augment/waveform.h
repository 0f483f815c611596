// Augmentation of sound before features: speed, gain, recorded noise, white noise, in this order. What is
// done to a cut follows from its 64-bit seed alone.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "data/cut.h"

namespace glossa::train {

struct Range {
  double low = 0;
  double high = 0;

  bool operator==(const Range&) const = default;
};

struct WaveformConfig {
  // One of `speeds`, each equally often; or any speed in `speed_range` when that is not empty.
  bool perturb_speed = false;
  std::vector<double> speeds = {0.9, 1.0, 1.1};
  Range speed_range = {};

  double noise_mix_prob = 0.5;  // only with a noise source
  Range noise_snr = {10, 20};   // dB

  double gain_prob = 0;
  Range gain_db = {-6, 6};

  double white_noise_prob = 0;
  Range white_noise_db = {-90, -46};  // level, dB of full scale

  bool operator==(const WaveformConfig&) const = default;
};

// Recorded noise to mix in, mono at the same rate.
struct NoiseSource {
  std::size_t recordings = 0;
  std::function<std::vector<float>(std::size_t index)> samples;  // called from any thread
};

// A data::Transform.
class WaveformAugment {
 public:
  // Error kInvalidArgument for settings out of range.
  WaveformAugment(WaveformConfig config, int sample_rate, NoiseSource noise = {});

  // Any thread. Silence and noise without sound are not mixed: there is no ratio to meet.
  void operator()(std::vector<float>& samples, const data::Cut& cut, std::uint64_t seed) const;

  // The speed that operator() uses, which divides the duration.
  double speed_of(std::uint64_t seed) const;

 private:
  void mix_noise(std::vector<float>& samples, std::uint64_t seed) const;

  WaveformConfig config_;
  int sample_rate_;
  NoiseSource noise_;
};

// samples / speed samples, pitch and all: as if the recording ran faster.
std::vector<float> change_speed(const std::vector<float>& samples, double speed, int sample_rate);

// Adds noise, repeated from `offset` on to the length of the samples, so that the ratio of the two mean
// powers, digital silence apart, is `snr_db`. False, and nothing added, when either is silent.
bool add_noise(std::vector<float>& samples, const std::vector<float>& noise, std::size_t offset,
               double snr_db);

}  // namespace glossa::train
