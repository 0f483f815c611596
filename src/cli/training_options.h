// From the configuration of a run to the options of its trainer.
#pragma once

#include <filesystem>

#include "model/model_config.h"
#include "train/train_config.h"
#include "train/trainer.h"

namespace glossa::cli {

// `model`: of the base, for what the configuration leaves to it. `ranks`: processes of the run, which share
// this machine's cores.
train::TrainerOptions trainer_options(const train::TrainConfig& config, const model::ModelConfig& model,
                                      const std::filesystem::path& folder, int ranks);

}  // namespace glossa::cli
