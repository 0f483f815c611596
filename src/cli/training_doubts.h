// What about the data of a training run should be looked at before it begins: the checks of `glossa data
// check` that need no sound.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "data/batch_sampler.h"
#include "train/train_config.h"

namespace glossa::cli {

// One sentence for each kind of finding of each stream: utterances and sentences that are validated with,
// too, and texts that are written otherwise than the others or than those. Of large streams 500,000 cuts are
// looked at. Error kBadInput for a manifest to validate with that cannot be read.
std::vector<std::string> training_doubts(std::span<const data::WeightedCuts> streams,
                                         const train::TrainConfig& config);

}  // namespace glossa::cli
