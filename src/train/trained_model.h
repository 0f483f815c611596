// The model that a run begins with, and which of its parameters move.
#pragma once

#include <vector>

#include "checkpoint/checkpoint.h"
#include "train/nn/asr_model.h"
#include "train/optim/adamw.h"
#include "train/trainer.h"

namespace glossa::train {

// Of the base's geometry and, unless it is made from scratch, weights; with a rank, low-rank factors for the
// matrices of the encoder's layers that the surface moves. Error kInvalidArgument when there are none, or
// thinner ones than the rank.
AsrModel initial_model(const checkpoint::Checkpoint& base, const TrainerOptions& options);

// The others want no gradient afterwards. With factors these are all of the encoder that moves.
std::vector<TrainedParameter> moving_parameters(const AsrModel& model, const TrainerOptions& options);

// Parameters that no .nemo has.
std::vector<TrainedParameter> factors_of(const AsrModel& model);

}  // namespace glossa::train
