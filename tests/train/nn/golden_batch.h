// Models and batches of the golden cases as tensors.
#pragma once

#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "checkpoint/checkpoint.h"
#include "support/golden.h"
#include "train/nn/asr_model.h"

namespace glossa::testing {

struct GoldenModel {
  std::shared_ptr<const checkpoint::Checkpoint> checkpoint;
  train::AsrModel model{nullptr};  // in evaluation mode

  std::int64_t slot(const std::string& prompt) const;
};

// models/<name>.nemo, or the checkpoint of that path.
GoldenModel golden_model(const std::string& name);
GoldenModel model_of(const std::filesystem::path& nemo);

struct MelBatch {
  torch::Tensor mels;     // [B, mels, frames], each with NeMo's last frame of zeros
  torch::Tensor lengths;  // int64 [B], without it
};
MelBatch golden_mels(const checkpoint::Checkpoint& checkpoint, const std::vector<std::string>& audio);

nlohmann::json read_json(const std::filesystem::path& path);
AttContext context_of(const nlohmann::json& golden);

torch::Tensor as_tensor(const GoldenTensor& golden);
std::vector<float> values_of(const torch::Tensor& tensor);

}  // namespace glossa::testing
