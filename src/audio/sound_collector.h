// The common end of every decoder: interleaved frames in, samples at the wanted rate out, with a limit so
// that a hostile file cannot fill the memory.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "audio/audio_file.h"
#include "audio/resampler.h"

namespace glossa::audio {

constexpr double kMaxHours = 12;  // of sound in one file, channels that are kept apart counted each

// One thread at a time. `name` is for messages.
class SoundCollector {
 public:
  // Error kBadInput when a decoder reports a rate or channel count that cannot be, and for more than
  // kMostSeparateChannels to be kept apart.
  SoundCollector(std::string name, int rate, int channels, int wanted_rate, ChannelUse use);

  // What the file says it holds. Error kBadInput beyond kMaxHours, before any work.
  void announce(std::int64_t frames) const;

  // Whole interleaved frames. NaN and infinity become 0. Error kBadInput beyond kMaxHours.
  void push(std::span<const float> interleaved);

  AudioChannels finish();

 private:
  // A channel, or the mean of all.
  struct Sound {
    Resampler resampler;
    std::vector<float> samples;
    void append(const std::vector<float>& more);
  };

  std::string name_;
  std::size_t channels_;
  int rate_;
  int wanted_rate_;
  std::vector<Sound> sounds_;
  std::int64_t max_frames_;
  std::int64_t frames_ = 0;  // pushed so far
  std::vector<float> mono_;  // scratch
};

}  // namespace glossa::audio
