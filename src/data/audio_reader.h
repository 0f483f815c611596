// The sound of a cut: a file, a part of a file, or a member of a tar.
#pragma once

#include <memory>
#include <vector>

#include "data/cut.h"

namespace glossa::data {

// Any thread may read. Tars are mapped once and indexed; their maps are kept, `most_open` at most.
class AudioReader {
 public:
  explicit AudioReader(int sample_rate, int most_open = 64);
  ~AudioReader();

  // Mono samples of the cut, resampled. Error kBadInput names the cut and its source when the sound is
  // missing, damaged, or shorter than offset. A sound that ends earlier than the cut gives what there is; a
  // file that goes on for less than 0.1 s gives all: manifests round their durations. Of a joined cut: its
  // parts' sounds with silence before each.
  std::vector<float> read(const Cut& cut) const;

  int sample_rate() const;  // Hz

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace glossa::data
