// Sample-rate conversion with soxr (very high quality), whole signals or streams.
#pragma once

#include <memory>
#include <span>
#include <vector>

namespace glossa::audio {

inline constexpr int kMaxRate = 10'000'000;  // Hz

// A streaming resampler; one thread at a time. The joined output does not depend on how the input was sliced.
class Resampler {
 public:
  // Rates in Hz, 1 to kMaxRate. Equal rates pass samples through unchanged.
  Resampler(int from_rate, int to_rate);
  ~Resampler();
  Resampler(Resampler&&) noexcept;
  Resampler& operator=(Resampler&&) noexcept;

  std::vector<float> push(std::span<const float> samples);
  std::vector<float> finish();  // what the filter still holds; no push() after it

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

// The whole signal at once: round(samples * to_rate / from_rate) samples.
std::vector<float> resample(std::span<const float> samples, int from_rate, int to_rate);

}  // namespace glossa::audio
