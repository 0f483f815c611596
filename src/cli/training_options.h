// From the configuration of a run to the options of its trainer.
#pragma once

#include <filesystem>

#include "model/model_config.h"
#include "train/distributed/rank_environment.h"
#include "train/train_config.h"
#include "train/trainer.h"

namespace glossa::cli {

// `model`: of the base, for what the configuration leaves to it. `environment`: the processes of the run
// share this machine's cores and GPUs. Error kInvalidArgument when a GPU is asked for and there is none.
train::TrainerOptions trainer_options(const train::TrainConfig& config, const model::ModelConfig& model,
                                      const std::filesystem::path& folder,
                                      const train::RankEnvironment& environment);

}  // namespace glossa::cli
