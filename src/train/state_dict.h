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

StateDict state_of(const AsrModel& model);                                                   // copies
torch::Tensor tensor_in(const checkpoint::Checkpoint& checkpoint, const std::string& name);  // a copy, in f32

// Factors stay as they are. Error kBadInput, naming the first, when names or shapes differ from the model's.
void load_state(AsrModel& model, const StateDict& state);
// All but the tensors `without`.
void load_checkpoint(AsrModel& model, const checkpoint::Checkpoint& checkpoint,
                     const std::set<std::string>& without = {});

// Arithmetic mean; the states must have equal names.
StateDict average(const std::vector<StateDict>& states);
// (1 - share) * base + share * tuned.
StateDict interpolate(const StateDict& base, const StateDict& tuned, double share);

// Writes a .nemo: weights from `state`, everything else (config, tokenizer, preprocessor.*, artifacts) from
// `base`. Whole under its name or not at all.
void write_nemo(const std::filesystem::path& path, const checkpoint::Checkpoint& base, const StateDict& state,
                checkpoint::DType dtype = checkpoint::DType::kF32);

}  // namespace glossa::train
