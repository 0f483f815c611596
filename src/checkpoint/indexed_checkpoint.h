// What every checkpoint keeps, wherever its parts come from.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "checkpoint/checkpoint.h"

namespace glossa::checkpoint {

// The constructor of a derived class fills the members in and calls index() last; nothing changes after that.
class IndexedCheckpoint : public Checkpoint {
 public:
  const std::string& source() const override { return source_; }
  const model::ModelConfig& config() const override { return config_; }
  const std::string& config_yaml() const override { return config_yaml_; }
  std::span<const std::byte> tokenizer_model() const override { return tokenizer_model_; }
  std::span<const Artifact> artifacts() const override { return artifacts_; }
  std::span<const TensorView> tensors() const override { return tensors_; }
  const TensorView* find(std::string_view name) const override {
    const auto found = by_name_.find(name);
    return found == by_name_.end() ? nullptr : found->second;
  }

 protected:
  explicit IndexedCheckpoint(std::string source) : source_(std::move(source)) {}

  void index() {
    for (const TensorView& tensor : tensors_) by_name_.emplace(tensor.name, &tensor);
  }

  std::string source_;
  std::string config_yaml_;
  model::ModelConfig config_;
  std::span<const std::byte> tokenizer_model_;
  std::vector<Artifact> artifacts_;
  std::vector<TensorView> tensors_;

 private:
  std::unordered_map<std::string_view, const TensorView*> by_name_;
};

}  // namespace glossa::checkpoint
