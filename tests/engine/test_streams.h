// Driving streams the way users do, for the engine's tests.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <memory>
#include <random>
#include <span>
#include <string>
#include <vector>

#include "glossa/recognizer.hpp"

namespace glossa::testing {

inline constexpr StreamingMode kModes[] = {StreamingMode::kExact, StreamingMode::kNemoBuffer,
                                           StreamingMode::kUniform, StreamingMode::kOffline};

// What must be identical: labels, times, probabilities to the last bit, text.
struct Outcome {
  std::vector<int> ids;
  std::vector<int> frames;
  std::vector<float> log_probs;
  std::vector<float> confidences;
  std::string text;
  friend bool operator==(const Outcome&, const Outcome&) = default;
};

inline Outcome outcome_of(const Stream& stream) {
  Outcome outcome;
  const Transcript& transcript = stream.transcript();
  for (const Token& token : transcript.tokens) {
    outcome.ids.push_back(token.id);
    outcome.frames.push_back(token.frame);
    outcome.log_probs.push_back(token.log_prob);
    outcome.confidences.push_back(token.confidence);
  }
  outcome.text = transcript.text;
  return outcome;
}

inline void decode_ready(const Recognizer& recognizer, Stream& stream) {
  Stream* streams[] = {&stream};
  while (stream.is_ready()) recognizer.decode(streams);
}

// All of the audio at once.
inline Outcome run_whole(const Recognizer& recognizer, Stream& stream, std::span<const float> pcm) {
  stream.accept_waveform(pcm);
  stream.input_finished();
  decode_ready(recognizer, stream);
  return outcome_of(stream);
}

// Noise whose loudness and colour wander, so that a random model says different things along the way.
inline std::vector<float> wandering_noise(std::int64_t samples, std::uint32_t seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal;
  std::vector<float> pcm(static_cast<std::size_t>(samples));
  float smooth = 0;
  for (std::size_t index = 0; index < pcm.size(); ++index) {
    const double seconds = static_cast<double>(index) / 16000.0;
    const auto colour = static_cast<float>(0.5 + 0.45 * std::sin(3.1 * seconds + seed));
    const auto loudness = static_cast<float>(0.1 + 0.09 * std::sin(7.7 * seconds));
    smooth = colour * smooth + (1 - colour) * normal(random);
    pcm[index] = loudness * smooth;
  }
  return pcm;
}

}  // namespace glossa::testing
