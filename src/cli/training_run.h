// A training run from its configuration to its report: data, trainer, logs and validation put together. The
// one place where trainer and engine meet.
#pragma once

#include "train/train_config.h"

namespace glossa::cli {

struct TrainingRunOptions {
  bool quiet = false;
  bool json = false;          // what comes of it as an object on stdout, else the path of the model
  bool validate_base = true;  // the base model's word error rate before step 1
};

// Everything goes to <exp_dir>/<name>/<version>: config.yaml, metrics.jsonl, validation.jsonl, report.html,
// TensorBoard events, checkpoints/, and at the end <name>.nemo. Returns an ExitCode; a run that SIGTERM or
// SIGINT ended with a checkpoint is kDone.
int run_training(const train::TrainConfig& config, const TrainingRunOptions& options);

}  // namespace glossa::cli
