// Between a checkpoint and the module's parameters. A state has no low-rank factors: their product is part of
// their matrix there.
#pragma once

#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "checkpoint/checkpoint.h"
#include "train/nn/asr_model.h"

namespace glossa::train {

// Names to f32 tensors on the CPU.
using StateDict = std::map<std::string, torch::Tensor>;

// Of a model in f32 on the CPU, the parameters themselves, but for matrices with factors; else copies.
StateDict state_of(const AsrModel& model);
torch::Tensor tensor_in(const checkpoint::Checkpoint& checkpoint, const std::string& name);  // a copy, in f32

// All but the tensors `without`; factors stay as they are. Error kBadInput, naming the first, when names or
// shapes differ from the model's.
void load_checkpoint(AsrModel& model, const checkpoint::Checkpoint& checkpoint,
                     const std::set<std::string>& without = {});

// base_share * base + (1 - base_share) * (the arithmetic mean of the checkpoints at `models`, one or more of
// the base's geometry). Of these, one tensor at a time is in memory.
StateDict mean_of(const std::vector<std::filesystem::path>& models, const checkpoint::Checkpoint& base,
                  double base_share = 0);

// Writes a .nemo: weights from `state`, everything else (config, tokenizer, preprocessor.*, artifacts) from
// `base`. Whole under its name or not at all.
void write_nemo(const std::filesystem::path& path, const checkpoint::Checkpoint& base,
                const StateDict& state);

}  // namespace glossa::train
