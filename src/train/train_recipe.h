// A training configuration from a handful of options: `glossa train --base M.nemo --data train.jsonl ...`.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "train/train_config.h"

namespace glossa::train {

struct RecipeOptions {
  std::string base;                     // .nemo
  std::vector<std::string> data;        // manifests
  std::vector<std::string> validation;  // manifests
  std::string lang;                     // of cuts that name none; empty: the manifests tell
  std::vector<std::string> replay;      // manifests of other languages, mixed in
  std::int64_t steps = 0;
  std::optional<int> lora_rank;  // 0: no factors
  bool from_scratch = false;     // the base gives its geometry alone
};

// Settings that worked in published fine-tunes; the reasons are beside them. Error kInvalidArgument for steps
// below 1; what else is missing check() finds.
TrainConfig recipe(const RecipeOptions& options);

}  // namespace glossa::train
