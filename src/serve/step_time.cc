#include "serve/step_time.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <memory>
#include <random>
#include <vector>

namespace glossa::serve {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int kManyStreams = 32;
constexpr int kSteps = 9;  // timed; the median counts

double median_step(const Recognizer& recognizer, const StreamOptions& options, int count) {
  const ModelInfo& model = recognizer.info();
  const auto chunk = static_cast<std::size_t>(
      std::lround(options.att_context->chunk_frames() * model.frame_seconds * model.sample_rate));
  std::mt19937 random(1);
  std::normal_distribution<float> noise(0.0f, 0.05f);
  std::vector<float> sound(chunk);
  for (float& sample : sound) sample = noise(random);
  std::vector<std::unique_ptr<Stream>> streams;
  std::vector<Stream*> all;
  for (int index = 0; index < count; ++index) {
    streams.push_back(recognizer.create_stream(options));
    all.push_back(streams.back().get());
  }
  const auto step = [&] {
    for (Stream* stream : all) stream->accept_waveform(sound);
    recognizer.decode(all);
    for (const Stream* stream : all) stream->transcript();
  };
  step();  // brings weights and workspaces into memory
  step();
  std::vector<double> seconds;
  for (int index = 0; index < kSteps; ++index) {
    const auto start = Clock::now();
    step();
    seconds.push_back(std::chrono::duration<double>(Clock::now() - start).count());
  }
  std::nth_element(seconds.begin(), seconds.begin() + kSteps / 2, seconds.end());
  return seconds[kSteps / 2];
}

}  // namespace

std::int64_t StepTime::frames_within(double seconds) const {
  if (seconds <= fixed || per_frame <= 0) return 0;
  return static_cast<std::int64_t>((seconds - fixed) / per_frame);
}

StepTime measure_step_time(const Recognizer& recognizer, const StreamOptions& options) {
  const double one = median_step(recognizer, options, 1);
  const double many = median_step(recognizer, options, kManyStreams);
  const double chunk = options.att_context->chunk_frames();
  StepTime time;
  time.per_frame = std::max(1e-9, (many - one) / (chunk * (kManyStreams - 1)));
  time.fixed = std::max(0.0, one - time.per_frame * chunk);
  return time;
}

int most_streams(const StepTime& time, double frame_seconds, double step_seconds, double part) {
  constexpr double kMost = 100'000;
  const double left = part - time.fixed / step_seconds;
  if (left <= 0) return 0;
  return static_cast<int>(std::min(kMost, left * frame_seconds / time.per_frame));
}

void StepTimeCorrection::observe(double expected, double taken) {
  constexpr double kMost = 4;  // a machine that was away for a moment is not a slow one
  taken = std::min(taken, kMost * factor() * expected);
  const double kept = std::exp(-taken / kMemory);
  expected_ = expected_ * kept + expected;
  taken_ = taken_ * kept + taken;
  worst_ = factor() + std::max(0.0, worst_ - factor()) * std::exp(-taken / kWorstMemory);
}

}  // namespace glossa::serve
