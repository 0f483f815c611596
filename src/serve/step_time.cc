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
constexpr int kSteps = 8;  // timed; the fastest counts, since others disturb and never help

double fastest_step(const Recognizer& recognizer, AttContext context, int count) {
  const ModelInfo& model = recognizer.info();
  const double chunk_seconds = context.chunk_frames() * model.frame_seconds;
  std::mt19937 random(1);
  std::normal_distribution<float> noise(0.0f, 0.05f);
  std::vector<float> sound(static_cast<std::size_t>((kSteps + 2) * chunk_seconds * model.sample_rate));
  for (float& sample : sound) sample = noise(random);
  std::vector<std::unique_ptr<Stream>> streams;
  std::vector<Stream*> ready;
  for (int index = 0; index < count; ++index) {
    streams.push_back(recognizer.create_stream({.att_context = context}));
    streams.back()->accept_waveform(sound);
    ready.push_back(streams.back().get());
  }
  recognizer.decode(ready);  // brings weights and workspaces into memory
  double fastest = INFINITY;
  for (int step = 0; step < kSteps; ++step) {
    const auto start = Clock::now();
    recognizer.decode(ready);
    fastest = std::min(fastest, std::chrono::duration<double>(Clock::now() - start).count());
  }
  return fastest;
}

}  // namespace

std::int64_t StepTime::frames_within(double seconds) const {
  if (seconds <= fixed || per_frame <= 0) return 0;
  return static_cast<std::int64_t>((seconds - fixed) / per_frame);
}

StepTime measure_step_time(const Recognizer& recognizer, AttContext context) {
  const double one = fastest_step(recognizer, context, 1);
  const double many = fastest_step(recognizer, context, kManyStreams);
  const double chunk = context.chunk_frames();
  StepTime time;
  time.per_frame = std::max(1e-9, (many - one) / (chunk * (kManyStreams - 1)));
  time.fixed = std::max(0.0, one - time.per_frame * chunk);
  return time;
}

double utilisation(const StepTime& time, int streams, double frame_seconds, double step_seconds) {
  return time.fixed / step_seconds + time.per_frame * streams / frame_seconds;
}

}  // namespace glossa::serve
