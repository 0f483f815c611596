// The gradient of a batch, by several threads that each take a share of its utterances through the whole
// model. libtorch's own threads share the work of one operator at a time, which gains next to nothing in
// models of a few million parameters; shares gain nearly a factor of the threads.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "base/thread_pool.h"
#include "train/batch.h"
#include "train/torch.h"

namespace glossa::train {

// How many threads take shares: `threads`, where the gradients that each needs for itself are small; 1 where
// they are not, and libtorch's threads work on the whole batch.
int shares_for(std::int64_t parameters, int threads);

class BatchGradients {
 public:
  // The mean loss of a share's utterances; called on several threads, once for each share.
  using Loss = std::function<torch::Tensor(const TrainBatch& share, int index)>;

  // `parameters`: leaves whose gradients are wanted. With more than one share libtorch's own threads are
  // switched off in this process.
  BatchGradients(std::vector<torch::Tensor> parameters, int shares);

  // Adds weight times the gradient of the batch's mean loss to the parameters' .grad(), and returns the mean.
  // Sums are taken in the order of the shares: a run repeats bit by bit with the same number of them. What
  // `loss` throws is rethrown; gradients are as they were then.
  double add(const TrainBatch& batch, double weight, const Loss& loss);

 private:
  std::vector<torch::Tensor> parameters_;
  ThreadPool pool_;
};

}  // namespace glossa::train
