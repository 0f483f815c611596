#include "features/streaming_log_mel.h"

#include <algorithm>
#include <cmath>

namespace glossa::features {
namespace {

constexpr float kPreEmphasis = 0.97f;
// Samples beyond this are clipped: every number behind the front end stays finite. Far above full scale on
// purpose, so that audio handed over in 16-bit units by mistake is not distorted.
constexpr float kLoudest = 65536.0f;

}  // namespace

StreamingLogMel::StreamingLogMel(const LogMel& log_mel) : log_mel_(log_mel) { reset(); }

void StreamingLogMel::reset() {
  const int half = log_mel_.config().fft / 2;
  emphasised_.assign(static_cast<std::size_t>(half), 0.0f);
  first_ = -half;
  samples_ = 0;
  frames_ = 0;
  previous_ = 0;
}

void StreamingLogMel::accept(std::span<const float> pcm, std::vector<float>& mels) {
  // Long signals go through in blocks, so that the buffer stays small.
  constexpr std::size_t kBlock = 1 << 16;
  const int hop = log_mel_.config().hop;
  while (!pcm.empty()) {
    const auto block = pcm.first(std::min(kBlock, pcm.size()));
    pcm = pcm.subspan(block.size());
    for (const float raw : block) {
      const float sample = std::isfinite(raw) ? std::clamp(raw, -kLoudest, kLoudest) : 0.0f;
      emphasised_.push_back(samples_ == 0 ? sample : sample - kPreEmphasis * previous_);
      previous_ = sample;
      ++samples_;
    }
    const std::int64_t known = samples_ - log_mel_.lookahead();
    if (known >= 0) emit_until(std::min(known / hop, samples_ / hop - 1), mels);
  }
}

void StreamingLogMel::finish(std::vector<float>& mels) {
  const int hop = log_mel_.config().hop;
  emphasised_.insert(emphasised_.end(), static_cast<std::size_t>(log_mel_.config().fft), 0.0f);
  emit_until(samples_ / hop - 1, mels);
}

void StreamingLogMel::emit_until(std::int64_t last_frame, std::vector<float>& mels) {
  const auto& config = log_mel_.config();
  const auto fft = static_cast<std::size_t>(config.fft);
  const auto width = static_cast<std::size_t>(config.mels);
  for (; frames_ <= last_frame; ++frames_) {
    const auto begin = static_cast<std::size_t>(frames_ * config.hop - config.fft / 2 - first_);
    // The frame's last samples are outside the window and may not have come yet.
    if (emphasised_.size() < begin + fft) {
      std::vector<float> padded(emphasised_.begin() + static_cast<std::ptrdiff_t>(begin), emphasised_.end());
      padded.resize(fft, 0.0f);
      mels.resize(mels.size() + width);
      log_mel_.frame(padded, std::span<float>(mels).last(width));
    } else {
      mels.resize(mels.size() + width);
      log_mel_.frame(std::span<const float>(emphasised_).subspan(begin, fft),
                     std::span<float>(mels).last(width));
    }
  }
  const std::int64_t next_begin = frames_ * config.hop - config.fft / 2;
  const auto stale = std::min(static_cast<std::int64_t>(emphasised_.size()), next_begin - first_);
  if (stale > 0) {
    emphasised_.erase(emphasised_.begin(), emphasised_.begin() + static_cast<std::ptrdiff_t>(stale));
    first_ += stale;
  }
}

}  // namespace glossa::features
