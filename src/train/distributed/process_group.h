// The processes that train one model together: c10d over Gloo on the CPU, over NCCL on GPUs where libtorch
// has it.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "train/distributed/rank_environment.h"
#include "train/torch.h"

namespace glossa::train {

// One process alone needs no network: every call returns at once. Not thread-safe.
class ProcessGroup {
 public:
  // Waits for all processes. Error kInvalidArgument when they do not meet within `patience`.
  explicit ProcessGroup(const RankEnvironment& environment,
                        std::chrono::seconds patience = std::chrono::minutes(10));
  ~ProcessGroup();

  int rank() const { return environment_.rank; }
  int ranks() const { return environment_.ranks; }
  bool is_first() const { return rank() == 0; }

  // The mean over all processes, in place, summed in f32 (Gloo has no bf16). All tensors travel as one.
  void average(std::vector<torch::Tensor>& tensors);
  double sum(double value);
  double largest(double value);
  std::string broadcast(const std::string& text);  // the first process's
  void barrier();

 private:
  RankEnvironment environment_;
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace glossa::train
