#include "train/augment/spec_augment.h"

#include <algorithm>

#include "base/fail.h"
#include "train/random.h"

namespace glossa::train {
namespace {

constexpr std::uint64_t kStream = 2;  // of an utterance's seed; the waveform has others

// NeMo computes in f32 and cuts towards zero; the start is limited by the utterance, not by the padded batch.
Mask mask_of(float width_draw, float start_draw, float width, std::int64_t length, int axis) {
  const auto size = static_cast<std::int64_t>(width_draw * width);
  const auto start = static_cast<std::int64_t>(start_draw * static_cast<float>(length - size));
  const auto clipped = [axis](std::int64_t at) {
    return static_cast<int>(std::clamp<std::int64_t>(at, 0, axis));
  };
  const Mask mask{clipped(start), clipped(start + size)};
  return mask;
}

void expect_count(const char* what, std::size_t found, std::size_t expected) {
  if (found != expected) fail_invalid_argument("SpecAugment: {} {} (expected {})", found, what, expected);
}

}  // namespace

SpecAugmentDraws draw_spec_augment(const SpecAugmentConfig& config, std::span<const std::uint64_t> seeds) {
  SpecAugmentDraws draws;
  for (const std::uint64_t seed : seeds) {
    CounterRandom random(seed, kStream);
    const auto add = [&random](std::vector<float>& values, int count) {
      // 24 bits: a float below 1
      for (int at = 0; at < count; ++at) {
        values.push_back(static_cast<float>(random.bits() >> 40) * 0x1p-24F);
      }
    };
    add(draws.time_widths, config.time_masks);
    add(draws.time_starts, config.time_masks);
    add(draws.freq_widths, config.freq_masks);
    add(draws.freq_starts, config.freq_masks);
  }
  return draws;
}

std::vector<UtteranceMasks> spec_augment_masks(const SpecAugmentConfig& config, const SpecAugmentDraws& draws,
                                               std::span<const std::int64_t> lengths, int mels, int frames) {
  const auto time_masks = static_cast<std::size_t>(config.time_masks);
  const auto freq_masks = static_cast<std::size_t>(config.freq_masks);
  expect_count("draws of time widths", draws.time_widths.size(), lengths.size() * time_masks);
  expect_count("draws of time starts", draws.time_starts.size(), lengths.size() * time_masks);
  expect_count("draws of frequency widths", draws.freq_widths.size(), lengths.size() * freq_masks);
  expect_count("draws of frequency starts", draws.freq_starts.size(), lengths.size() * freq_masks);
  std::vector<UtteranceMasks> masks(lengths.size());
  for (std::size_t row = 0; row < lengths.size(); ++row) {
    const auto time_width = static_cast<float>(config.time_width.value);
    const float widest =
        config.time_width.is_fraction
            ? std::min(time_width * static_cast<float>(lengths[row]), static_cast<float>(frames))
            : time_width;
    for (std::size_t at = row * time_masks; at < (row + 1) * time_masks; ++at) {
      masks[row].time.push_back(
          mask_of(draws.time_widths[at], draws.time_starts[at], widest, lengths[row], frames));
    }
    for (std::size_t at = row * freq_masks; at < (row + 1) * freq_masks; ++at) {
      masks[row].freq.push_back(mask_of(draws.freq_widths[at], draws.freq_starts[at],
                                        static_cast<float>(config.freq_width), mels, mels));
    }
  }
  return masks;
}

void apply_masks(std::span<const UtteranceMasks> masks, int mels, int frames, std::span<float> features) {
  const auto row_size = static_cast<std::size_t>(frames);
  const std::size_t utterance_size = static_cast<std::size_t>(mels) * row_size;
  expect_count("features", features.size(), masks.size() * utterance_size);
  for (std::size_t utterance = 0; utterance < masks.size(); ++utterance) {
    const auto own = features.subspan(utterance * utterance_size, utterance_size);
    for (const Mask& mask : masks[utterance].freq) {
      for (int mel = mask.begin; mel < mask.end; ++mel) {
        std::ranges::fill(own.subspan(static_cast<std::size_t>(mel) * row_size, row_size), 0.0F);
      }
    }
    for (std::size_t mel = 0; mel < static_cast<std::size_t>(mels); ++mel) {
      for (const Mask& mask : masks[utterance].time) {
        std::fill_n(own.begin() + static_cast<std::ptrdiff_t>(mel * row_size) + mask.begin,
                    std::max(0, mask.end - mask.begin), 0.0F);
      }
    }
  }
}

void spec_augment(const SpecAugmentConfig& config, std::span<const std::uint64_t> seeds,
                  std::span<const std::int64_t> lengths, int mels, int frames, std::span<float> features) {
  expect_count("seeds", seeds.size(), lengths.size());
  apply_masks(spec_augment_masks(config, draw_spec_augment(config, seeds), lengths, mels, frames), mels,
              frames, features);
}

}  // namespace glossa::train
