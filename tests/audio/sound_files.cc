#include "audio/sound_files.h"

#include <sndfile.h>

#include <algorithm>
#include <cmath>
#include <numbers>
#include <stdexcept>

namespace glossa::testing {

namespace fs = std::filesystem;

std::vector<float> sweep(int rate, double seconds) {
  std::vector<float> samples(static_cast<std::size_t>(rate * seconds));
  double phase = 0;
  for (std::size_t index = 0; index < samples.size(); ++index) {
    const double part = static_cast<double>(index) / static_cast<double>(samples.size());
    phase += 2 * std::numbers::pi * (100 + 2900 * part) / rate;
    samples[index] = static_cast<float>(0.6 * std::sin(std::numbers::pi * part) * std::sin(phase));
  }
  return samples;
}

void write_sound(const fs::path& path, std::span<const float> samples, int rate, int channels, int format) {
  SF_INFO info{};
  info.samplerate = rate;
  info.channels = channels;
  info.format = format;
  SNDFILE* file = sf_open(path.c_str(), SFM_WRITE, &info);
  if (file == nullptr) throw std::runtime_error(path.string() + ": " + sf_strerror(nullptr));
  const auto size = static_cast<sf_count_t>(samples.size());
  const bool written = sf_write_float(file, samples.data(), size) == size;
  sf_close(file);
  if (!written) throw std::runtime_error(path.string() + ": not written");
}

double snr_db(std::span<const float> got, std::span<const float> expected) {
  double signal = 0;
  double noise = 0;
  for (std::size_t index = 0; index < std::min(got.size(), expected.size()); ++index) {
    signal += double{expected[index]} * expected[index];
    const double difference = double{got[index]} - expected[index];
    noise += difference * difference;
  }
  return 10 * std::log10(signal / std::max(noise, 1e-30));
}

}  // namespace glossa::testing
