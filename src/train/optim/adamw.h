// AdamW as PyTorch's torch.optim.AdamW: decoupled weight decay on every parameter. On the CPU all tensors are
// updated in one pass over memory by all threads; tensors elsewhere go through libtorch's operators, which
// tests compare on the CPU only.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "train/torch.h"

namespace glossa::train {

struct AdamWConfig {
  double beta1 = 0.9;
  double beta2 = 0.98;
  double eps = 1e-8;
  double weight_decay = 1e-3;
  bool fused = true;  // false: libtorch's operators on the CPU, too; for comparison
};

// A trained parameter: f32, contiguous, a leaf.
struct TrainedParameter {
  std::string name;
  torch::Tensor tensor;
  double lr_scale = 1;
};

struct GradientReport {
  double norm = 0;               // over all parameters; not finite when an element is not
  std::string first_not_finite;  // parameter with a NaN or an infinity in its gradient; empty: none
};

// Reads each gradient once. Parameters without a gradient are passed over. The norm does not depend on the
// number of threads.
GradientReport inspect_gradients(const std::vector<TrainedParameter>& parameters);

// torch.nn.utils.clip_grad_norm_'s factor: max_norm / (norm + 1e-6), 1 at most. max_norm 0 or less: 1.
double clip_factor(double norm, double max_norm);

class AdamW {
 public:
  // Error kInvalidArgument for settings out of range, equal names, or a tensor that is not f32 and
  // contiguous.
  AdamW(std::vector<TrainedParameter> parameters, const AdamWConfig& config);

  const std::vector<TrainedParameter>& parameters() const { return parameters_; }

  // One step with rate lr * lr_scale of each parameter. Gradients are multiplied by `grad_scale` on the way
  // (clip_factor()), and stay as they are. Parameters without a gradient do not move, as in PyTorch.
  void step(double lr, double grad_scale = 1);

  // Sets all gradients to zero, on the CPU without giving their memory back.
  void zero_grad();

  // "<parameter>.exp_avg", "<parameter>.exp_avg_sq" and "<parameter>.step" (one f32 number, exact up to
  // 2^24), on the CPU. Parameters that never moved have no entry. Moments on the CPU are not copied: they
  // change with the next step.
  std::map<std::string, torch::Tensor> state() const;
  // Continues from a copy of state() bit by bit. Error kBadInput for an entry of an unknown parameter or
  // another shape; parameters without an entry start afresh. Nothing changes when it throws.
  void load_state(std::map<std::string, torch::Tensor> state);

 private:
  struct Moments {
    torch::Tensor exp_avg;  // undefined until the first step
    torch::Tensor exp_avg_sq;
    std::int64_t step = 0;
  };

  std::vector<TrainedParameter> parameters_;
  std::vector<Moments> moments_;  // of parameters_
  AdamWConfig config_;
};

}  // namespace glossa::train
