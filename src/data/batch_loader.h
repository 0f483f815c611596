// Batches with their sound, decoded ahead of need by threads of its own: the trainer never waits for a disk.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "data/audio_reader.h"
#include "data/batch_sampler.h"

namespace glossa::data {

struct LoadedCut {
  const Cut* cut = nullptr;
  std::uint64_t seed = 0;
  std::vector<float> samples;         // after the transform
  std::vector<float> features;        // of LoaderOptions::features; empty without
  std::shared_ptr<const Cut> joined;  // as in PlannedCut
};

struct LoadedBatch {
  std::int64_t index = 0;  // of the sampler's batches since the start of the run, resumed ones counted
  std::vector<LoadedCut> cuts;
  double seconds = 0;  // of sound
  bool end = false;    // no batch: the sampler has ended
};

// Speed, noise and the like: changes the samples in place, by `seed` alone. Called from any thread.
using Transform = std::function<void(std::vector<float>& samples, const Cut& cut, std::uint64_t seed)>;

// What the consumer will compute from the samples, computed beside their decoding. Called from any thread.
using Features = std::function<std::vector<float>(const LoadedCut& cut)>;

struct LoaderOptions {
  int threads = 2;
  int batches_ahead = 8;
  std::int64_t first_batch = 0;  // resumes: so many batches are skipped
  Transform transform;
  Features features;
};

class BatchLoader {
 public:
  BatchLoader(BatchSampler sampler, const AudioReader& reader, const LoaderOptions& options);
  ~BatchLoader();  // joins

  // In the sampler's order whatever the number of threads. Cuts whose sound cannot be read are left out, each
  // told to log::warning() once and counted; a batch may lose all it has, and a hundred such batches in a row
  // are Error kBadInput: the data is gone. A joined cut is left out whole. What the sampler or the transform
  // throws comes out here.
  LoadedBatch next();

  std::int64_t unreadable() const;  // cuts left out so far, counted each time that they are drawn
  double seconds_waited() const;    // that next() had to wait

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace glossa::data
