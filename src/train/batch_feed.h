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

  // In the loader's order; of size 0 when none of its cuts can be read. Rethrows what reading or making the
  // batch threw. Error kBadInput at the end of the data.
  TrainBatch next();

 private:
  void begin();

  data::BatchLoader& loader_;
  const BatchMaker& maker_;
  std::future<TrainBatch> coming_;
};

}  // namespace glossa::train
