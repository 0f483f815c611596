// report.html of a training run, from what the run has logged: loss and learning rate, word error rate by
// language and latency, the forgetting matrix, and examples.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "eval/streaming_eval.h"

namespace glossa::cli {

struct TrainingReportSources {
  std::filesystem::path metrics;                // metrics.jsonl
  std::filesystem::path validations;            // validation.jsonl; may be empty or absent
  std::string configuration;                    // YAML
  std::vector<eval::UtteranceResult> examples;  // of the newest validation
  std::string name;
};

// The page. Lines that are no JSON are passed over.
std::string training_report(const TrainingReportSources& sources);

}  // namespace glossa::cli
