// A batch as tensors: features, labels and prompt slots.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "checkpoint/checkpoint.h"
#include "data/batch_loader.h"
#include "features/log_mel.h"
#include "train/targets.h"
#include "train/torch.h"

namespace glossa::train {

struct TrainBatch {
  std::int64_t index = 0;            // data::LoadedBatch::index
  torch::Tensor mels;                // f32 [B, mels, longest + 1], zeros beyond a length
  torch::Tensor mel_lengths;         // int64 [B]
  torch::Tensor targets;             // int64 [B, U], zeros beyond a length
  torch::Tensor target_lengths;      // int64 [B]
  torch::Tensor slots;               // int64 [B]
  torch::Tensor frame_labels;        // int64 [B, F]: classes of 40 ms each, -1: unknown; F may be 0
  std::vector<std::uint64_t> seeds;  // of each utterance, for augmentation
  double seconds = 0;                // of sound

  std::int64_t size() const { return static_cast<std::int64_t>(seeds.size()); }

  // Its tensors there, but for the lengths, which stay on the CPU.
  TrainBatch to(torch::Device device) const;
};

// As many batches as `shares`, or as there are utterances, of about the same work, each as wide as its own
// longest utterance. Fields of the whole (index, seconds) are left at 0.
std::vector<TrainBatch> split(const TrainBatch& batch, int shares);

// The features are those of serving: the same code on the same samples. Any thread may use it.
class BatchMaker {
 public:
  // `targets` and `prompts` must outlive it. `dither`: standard deviation of the noise added to samples.
  // `speed_of`: at which the sound of a cut with that seed was made faster or slower; empty: at 1.
  BatchMaker(const checkpoint::Checkpoint& checkpoint, const TargetWriter& targets,
             const PromptChooser& prompts, double dither,
             std::function<double(std::uint64_t seed)> speed_of = {});

  // f32 [frames, mels] of the cut's samples; empty when they are shorter than a frame.
  std::vector<float> mels_of(const data::LoadedCut& cut) const;

  // Of the cuts' `features` where they have them, which must be those of mels_of(). Utterances shorter than a
  // frame are left out: the batch may be empty.
  TrainBatch make(data::LoadedBatch loaded) const;

 private:
  std::unique_ptr<const features::LogMel> log_mel_;
  const TargetWriter& targets_;
  const PromptChooser& prompts_;
  double dither_;
  std::function<double(std::uint64_t seed)> speed_of_;
};

}  // namespace glossa::train
