// Log-mel frames of a signal that arrives in pieces. The frames do not depend on how the signal was cut:
// equal bit for bit to those of the whole.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "features/log_mel.h"

namespace glossa::features {

// One utterance; one thread at a time. Keeps a reference to `log_mel`.
class StreamingLogMel {
 public:
  explicit StreamingLogMel(const LogMel& log_mel);

  // Appends to `mels` the frames [mels per frame] that have become complete. NaN and infinity count as 0;
  // samples beyond +-65536 are clipped.
  void accept(std::span<const float> pcm, std::vector<float>& mels);

  // The frames that were waiting for samples that will not come: samples() / hop frames in all, as NeMo's
  // length. (NeMo also makes one last frame, overwritten with 0.0; whoever wants it appends it.)
  void finish(std::vector<float>& mels);

  std::int64_t samples() const { return samples_; }
  std::int64_t frames() const { return frames_; }

  void reset();

 private:
  void emit_until(std::int64_t last_frame, std::vector<float>& mels);

  const LogMel& log_mel_;
  std::vector<float> emphasised_;  // pre-emphasised samples from first_ on
  std::int64_t first_ = 0;         // position of emphasised_[0]; begins with fft / 2 zeros before the signal
  std::int64_t samples_ = 0;
  std::int64_t frames_ = 0;
  float previous_ = 0;  // last raw sample
};

}  // namespace glossa::features
