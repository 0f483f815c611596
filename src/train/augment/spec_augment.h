// SpecAugment on log-mels, NeMo's vectorised rule (SpectrogramAugmentation): bands of time and of frequency
// are set to 0, in every utterance its own.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

namespace glossa::train {

// As in NeMo's YAML: a whole number counts frames, a fraction is of each utterance's length.
struct TimeWidth {
  double value = 0.05;
  bool is_fraction = true;

  bool operator==(const TimeWidth&) const = default;
};

struct SpecAugmentConfig {
  int freq_masks = 2;
  int time_masks = 10;
  int freq_width = 27;  // mel bins, exclusive
  TimeWidth time_width;

  bool operator==(const SpecAugmentConfig&) const = default;
};

// [begin, end), clipped to the axis; may be empty.
struct Mask {
  int begin = 0;
  int end = 0;

  bool operator==(const Mask&) const = default;
};

struct UtteranceMasks {
  std::vector<Mask> time;
  std::vector<Mask> freq;
};

// Numbers of [0, 1), each [utterances, masks]: the order in which NeMo draws them.
struct SpecAugmentDraws {
  std::vector<float> time_widths;
  std::vector<float> time_starts;
  std::vector<float> freq_widths;
  std::vector<float> freq_starts;
};

// One seed per utterance: an utterance's masks do not depend on its batch.
SpecAugmentDraws draw_spec_augment(const SpecAugmentConfig& config, std::span<const std::uint64_t> seeds);

// `frames`: of the padded batch; `lengths`: of each utterance. Error kInvalidArgument when counts do not fit.
std::vector<UtteranceMasks> spec_augment_masks(const SpecAugmentConfig& config, const SpecAugmentDraws& draws,
                                               std::span<const std::int64_t> lengths, int mels, int frames);

// features [utterances, mels, frames], contiguous: masked elements become 0.
void apply_masks(std::span<const UtteranceMasks> masks, int mels, int frames, std::span<float> features);

// Both of the above.
void spec_augment(const SpecAugmentConfig& config, std::span<const std::uint64_t> seeds,
                  std::span<const std::int64_t> lengths, int mels, int frames, std::span<float> features);

}  // namespace glossa::train
