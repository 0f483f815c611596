// Validation of a run: the serving engine streams held-out recordings at the latencies the model will be
// deployed at, in the languages that are trained and in others that must not be forgotten.
#pragma once

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "eval/scores.h"
#include "eval/streaming_eval.h"
#include "train/train_config.h"

namespace glossa::cli {

// One model scored at one step; step 0 is the base.
struct ValidatedStep {
  std::int64_t step = 0;
  std::vector<eval::Score> target;              // of the validation set, every latency
  std::vector<eval::Score> probes;              // of the probe manifests
  std::vector<eval::UtteranceResult> examples;  // a few of the target, at the first latency
};

class TrainingValidator {
 public:
  // Reads the manifests; `log`: validation.jsonl, which is gone on with from `first_step`.
  TrainingValidator(const train::TrainConfig& config, const std::filesystem::path& log,
                    std::int64_t first_step, bool quiet);

  bool has_data() const { return !target_.empty(); }

  // The word error rate of the validation set, as written, at the first latency.
  double validate(const std::filesystem::path& model, std::int64_t step);

  // In the order they were made.
  const std::vector<ValidatedStep>& history() const { return history_; }
  // Names of the settings, the deciding one first: "[56,0]". Known after the first validation.
  const std::vector<std::string>& settings() const { return settings_; }

 private:
  void write(const ValidatedStep& step, double seconds);

  const train::TrainConfig& config_;
  bool quiet_;
  std::vector<eval::EvalUtterance> target_;
  std::vector<eval::EvalUtterance> probes_;
  std::vector<std::string> settings_;
  std::vector<ValidatedStep> history_;
  std::ofstream log_;
};

}  // namespace glossa::cli
