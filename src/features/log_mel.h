// Log-mel features exactly as NeMo's AudioToMelSpectrogramPreprocessor with normalize NA: one implementation
// for serving and training. Source: NeMo FilterbankFeatures; pre-emphasis 0.97, symmetric Hann window centred
// in the FFT, zero padding of fft / 2 on both sides, power spectrum, Slaney mel filters, ln(m + 2^-24), no
// normalisation.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "model/model_config.h"

namespace glossa::features {

// Immutable after construction; any thread may use it.
class LogMel {
 public:
  // `window` [FeatureConfig::window] and `filters` [mels, fft / 2 + 1] as stored in a checkpoint
  // (preprocessor.featurizer.*); empty spans: computed from the config.
  LogMel(const model::FeatureConfig& config, std::span<const float> window, std::span<const float> filters);
  ~LogMel();

  const model::FeatureConfig& config() const;

  // Samples from the centre of a frame on that it depends on: frame t is complete with hop * t + lookahead()
  // samples.
  int lookahead() const;

  // One frame of mels from the fft samples around its centre, already pre-emphasised:
  // samples [hop * t - fft / 2, hop * t + fft / 2) for frame t, zeros outside the signal.
  void frame(std::span<const float> samples, std::span<float> mels) const;

 private:
  class Impl;
  std::unique_ptr<const Impl> impl_;
};

// Slaney-normalised mel filters [mels, fft / 2 + 1] from 0 Hz to half the sample rate.
std::vector<float> slaney_filters(const model::FeatureConfig& config);

// Symmetric Hann window: 0.5 - 0.5 cos(2 pi i / (n - 1)).
std::vector<float> hann_window(int size);

}  // namespace glossa::features
