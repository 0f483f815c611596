// Batches made one ahead of the trainer, on a thread of its own: features and labels are ready when they are
// asked for.
#pragma once

#include <future>

#include "data/batch_loader.h"
#include "train/batch.h"

namespace glossa::train {

// One thread may call next(). Both references must outlive it.
class BatchFeed {
 public:
  BatchFeed(data::BatchLoader& loader, const BatchMaker& maker);
  ~BatchFeed();

  // In the loader's order. Rethrows what reading or making the batch threw. Error kBadInput when no cut of
  // the data can be read any more.
  TrainBatch next();

 private:
  void begin();

  data::BatchLoader& loader_;
  const BatchMaker& maker_;
  std::future<TrainBatch> coming_;
};

}  // namespace glossa::train
