#include "bench/synthetic_speech.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <random>

namespace glossa::bench {

std::vector<float> synthetic_speech(double seconds, int sample_rate, std::uint32_t seed) {
  std::mt19937 random(seed);
  // std::mt19937's numbers are the same everywhere, those of the standard distributions are not.
  const auto uniform = [&random] { return static_cast<double>(random()) / 4294967296.0; };
  constexpr double kTurn = 2 * std::numbers::pi;
  const double syllable_start = kTurn * uniform();
  const double phrase_start = kTurn * uniform();
  std::vector<float> samples(static_cast<std::size_t>(std::max(seconds, 0.0) * sample_rate));
  double smooth = 0;
  double pitch_phase = 0;
  for (std::size_t index = 0; index < samples.size(); ++index) {
    const double at = static_cast<double>(index) / sample_rate;
    const double syllable = 0.5 + 0.5 * std::sin(kTurn * 4.1 * at + syllable_start);
    const double phrase = std::clamp(0.6 + std::sin(kTurn * 0.23 * at + phrase_start), 0.0, 1.0);
    const double tilt = 0.6 + 0.35 * std::sin(kTurn * 1.3 * at + phrase_start);
    smooth += (1 - tilt) * (2 * uniform() - 1 - smooth);
    pitch_phase += (120 + 40 * std::sin(kTurn * 0.7 * at + syllable_start)) / sample_rate;
    const double buzz = 2 * (pitch_phase - std::floor(pitch_phase)) - 1;
    samples[index] =
        static_cast<float>(std::clamp(0.4 * syllable * phrase * (smooth + 0.3 * buzz), -1.0, 1.0));
  }
  return samples;
}

}  // namespace glossa::bench
