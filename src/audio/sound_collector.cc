#include "audio/sound_collector.h"

#include <cmath>
#include <utility>

#include "audio/resampler.h"
#include "base/fail.h"

namespace glossa::audio {
namespace {

constexpr int kMaxChannels = 1024;

}  // namespace

SoundCollector::SoundCollector(std::string name, int rate, int channels, int wanted_rate, ChannelUse use)
    : name_(std::move(name)),
      channels_(static_cast<std::size_t>(channels)),
      rate_(rate),
      wanted_rate_(wanted_rate) {
  if (rate < 1 || rate > kMaxRate) {
    fail_bad_input("{}: unusable sample rate (expected 1 to {} Hz, got {})", name_, kMaxRate, rate);
  }
  if (channels < 1 || channels > kMaxChannels) {
    fail_bad_input("{}: unusable number of channels (expected 1 to {}, got {})", name_, kMaxChannels,
                   channels);
  }
  const bool separate = use == ChannelUse::kSeparate;
  if (separate && channels > kMostSeparateChannels) {
    fail_bad_input("{}: too many channels (expected at most {} to keep apart, got {})", name_,
                   kMostSeparateChannels, channels);
  }
  const int sounds = separate ? channels : 1;
  for (int sound = 0; sound < sounds; ++sound) sounds_.push_back({Resampler(rate, wanted_rate), {}});
  max_frames_ = static_cast<std::int64_t>(kMaxHours * 3600 * rate / sounds);
}

void SoundCollector::announce(std::int64_t frames) const {
  if (frames > max_frames_) {
    fail_bad_input("{}: too long (expected at most {} hours of sound{}, got more)", name_, kMaxHours,
                   sounds_.size() > 1 ? " in all channels together" : "");
  }
}

void SoundCollector::push(std::span<const float> interleaved) {
  const std::size_t frames = interleaved.size() / channels_;
  if (frames == 0) return;  // a pipe may hold less than one
  frames_ += static_cast<std::int64_t>(frames);
  announce(frames_);
  const std::size_t width = channels_ / sounds_.size();  // channels that become one sound
  std::size_t first = 0;
  mono_.resize(frames);
  for (Sound& sound : sounds_) {
    const float* frame = interleaved.data() + first;
    for (float& mean : mono_) {
      double sum = 0;
      for (std::size_t channel = 0; channel < width; ++channel) sum += frame[channel];
      mean = static_cast<float>(sum / static_cast<double>(width));
      if (!std::isfinite(mean)) mean = 0;
      frame += channels_;
    }
    sound.append(sound.resampler.push(mono_));
    first += width;
  }
}

AudioChannels SoundCollector::finish() {
  AudioChannels file{
      .sample_rate = wanted_rate_, .original_rate = rate_, .original_channels = static_cast<int>(channels_)};
  for (Sound& sound : sounds_) {
    sound.append(sound.resampler.finish());
    file.channels.push_back(std::move(sound.samples));
  }
  return file;
}

void SoundCollector::Sound::append(const std::vector<float>& more) {
  samples.insert(samples.end(), more.begin(), more.end());
}

}  // namespace glossa::audio
