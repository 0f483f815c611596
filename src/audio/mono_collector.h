// The common end of every decoder: interleaved frames in, mono samples at the wanted rate out, with a limit
// so that a hostile file cannot fill the memory.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "audio/audio_file.h"
#include "audio/resampler.h"

namespace glossa::audio {

constexpr double kMaxHours = 12;  // of sound in one file

// One thread at a time. `name` is for messages.
class MonoCollector {
 public:
  // Error kBadInput when a decoder reports a rate or channel count that cannot be.
  MonoCollector(std::string name, int rate, int channels, int wanted_rate);

  // What the file says it holds. Error kBadInput beyond kMaxHours, before any work.
  void announce(std::int64_t frames) const;

  // Whole interleaved frames. NaN and infinity become 0. Error kBadInput beyond kMaxHours.
  void push(std::span<const float> interleaved);

  std::int64_t frames() const { return frames_; }  // pushed so far

  AudioFile finish();

 private:
  void append(const std::vector<float>& samples);

  std::string name_;
  int channels_;
  std::int64_t max_frames_;
  std::int64_t frames_ = 0;
  Resampler resampler_;
  std::vector<float> mono_;  // scratch
  AudioFile file_;
};

}  // namespace glossa::audio
