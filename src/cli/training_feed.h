// The batches of a training run: from manifests and sound files to tensors, made ahead of need.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "checkpoint/checkpoint.h"
#include "data/batch_sampler.h"
#include "train/batch.h"
#include "train/train_config.h"

namespace glossa::cli {

struct FeedPosition {
  int rank = 0;
  int ranks = 1;
  std::int64_t first_batch = 0;  // a resumed run skips those before
};

// One thread may use it.
class TrainingFeed {
 public:
  // Both references must outlive it. Error kBadInput for data that cannot be used.
  TrainingFeed(const train::TrainConfig& config, const checkpoint::Checkpoint& base,
               const FeedPosition& position);
  ~TrainingFeed();

  const data::BatchSampler::Totals& totals() const;
  // What of the data should be looked at, a sentence each: letters that the tokenizer lacks, more labels than
  // frames, and, of the first process of a run that is not resumed, training_doubts().
  std::vector<std::string> warnings() const;
  train::TrainBatch next();
  // data::BatchSampler::largest_of() the run's batches, the first 20,000 of them, without changes of speed
  // and the like; a batch lacks the utterances whose sound cannot be read. None when the configuration does
  // not ask for it or the run is resumed.
  std::vector<train::TrainBatch> largest() const;
  std::int64_t unreadable() const;  // cuts passed over so far

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace glossa::cli
