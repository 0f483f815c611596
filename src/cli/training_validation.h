// Validation of a run: the serving engine streams held-out recordings at the latencies the model will be
// deployed at, in the languages that are trained and in others that must not be forgotten.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "cli/evaluation.h"
#include "eval/streaming_eval.h"
#include "model/model_config.h"
#include "train/appended_file.h"
#include "train/candidate.h"
#include "train/train_config.h"

namespace glossa::cli {

// What can be known to be wrong before there is a run: manifests that are not there and latencies that the
// model cannot have. Error kBadInput or kInvalidArgument.
void check_validation(const train::TrainConfig& config, const model::ModelConfig& model);

class TrainingValidator {
 public:
  // Reads the manifests; `log`: validation.jsonl, which is gone on with from `first_step`.
  TrainingValidator(const train::TrainConfig& config, int sample_rate, const std::filesystem::path& log,
                    std::int64_t first_step, bool quiet);

  // The word error rate of the validation set, as written, at the first latency.
  double validate(const std::filesystem::path& model, const train::Candidate& candidate);

  // The newest result becomes a line of the log. As train::AppendedFile::append().
  void log_result();

  // A few utterances of the newest validation, at the first latency.
  const std::vector<eval::UtteranceResult>& examples() const { return examples_; }
  // The word error rate of step 0; none where it was not measured.
  std::optional<double> base_rate() const { return base_rate_; }
  // Names of the settings, the deciding one first: "[56,0]". Known after the first validation.
  const std::vector<std::string>& settings() const { return settings_; }

 private:
  void tell_unusable(const EvaluatedSetting& setting);

  const train::TrainConfig& config_;
  bool quiet_;
  std::vector<eval::EvalUtterance> target_;
  std::vector<eval::EvalUtterance> probes_;
  std::vector<std::string> settings_;
  std::vector<eval::UtteranceResult> examples_;
  std::optional<double> base_rate_;
  std::string result_;
  bool has_validated_ = false;
  std::size_t unusable_ = 0;  // utterances, told
  train::AppendedFile log_;
};

}  // namespace glossa::cli
