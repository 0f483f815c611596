#include "audio/mono_collector.h"

#include <cmath>
#include <utility>

#include "base/fail.h"

namespace glossa::audio {
namespace {

constexpr int kMaxRate = 10'000'000;  // Hz
constexpr int kMaxChannels = 1024;

int checked_rate(const std::string& name, int rate, int channels) {
  if (rate < 1 || rate > kMaxRate) {
    fail_bad_input("{}: unusable sample rate (expected 1 to {} Hz, got {})", name, kMaxRate, rate);
  }
  if (channels < 1 || channels > kMaxChannels) {
    fail_bad_input("{}: unusable number of channels (expected 1 to {}, got {})", name, kMaxChannels,
                   channels);
  }
  return rate;
}

}  // namespace

MonoCollector::MonoCollector(std::string name, int rate, int channels, int wanted_rate)
    : name_(std::move(name)),
      channels_(channels),
      max_frames_(static_cast<std::int64_t>(kMaxHours * 3600 * rate)),
      resampler_(checked_rate(name_, rate, channels), wanted_rate) {
  file_.sample_rate = wanted_rate;
  file_.original_rate = rate;
  file_.original_channels = channels;
}

void MonoCollector::announce(std::int64_t frames) const {
  if (frames > max_frames_) {
    fail_bad_input("{}: too long (expected at most {} hours of sound, got more)", name_, kMaxHours);
  }
}

void MonoCollector::push(std::span<const float> interleaved) {
  const std::size_t frames = interleaved.size() / static_cast<std::size_t>(channels_);
  frames_ += static_cast<std::int64_t>(frames);
  announce(frames_);
  mono_.resize(frames);
  const float* sample = interleaved.data();
  for (float& mean : mono_) {
    double sum = 0;
    for (int channel = 0; channel < channels_; ++channel) sum += *sample++;
    mean = static_cast<float>(sum / channels_);
    if (!std::isfinite(mean)) mean = 0;
  }
  append(resampler_.push(mono_));
}

AudioFile MonoCollector::finish() {
  append(resampler_.finish());
  return std::move(file_);
}

void MonoCollector::append(const std::vector<float>& samples) {
  file_.samples.insert(file_.samples.end(), samples.begin(), samples.end());
}

}  // namespace glossa::audio
