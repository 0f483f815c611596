#include "train/batch_feed.h"

#include "base/fail.h"

namespace glossa::train {

BatchFeed::BatchFeed(data::BatchLoader& loader, const BatchMaker& maker) : loader_(loader), maker_(maker) {
  begin();
}

BatchFeed::~BatchFeed() {
  if (coming_.valid()) coming_.wait();
}

void BatchFeed::begin() {
  coming_ = std::async(std::launch::async, [this] {
    data::LoadedBatch loaded = loader_.next();
    if (loaded.end) fail_bad_input("no training data left");
    return maker_.make(std::move(loaded));
  });
}

TrainBatch BatchFeed::next() {
  TrainBatch batch = coming_.get();
  begin();
  return batch;
}

}  // namespace glossa::train
