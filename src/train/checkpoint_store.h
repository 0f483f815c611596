// The folder of a run's checkpoints:
//
//   step-00000500.nemo    the model, as any program takes it
//   step-00000500.state   what resuming needs beside it: the optimizer's moments, the step, the data position
//   scores.json           validation scores by step
//
// A step counts as saved when its .state is there, which is written last. Kept are the newest step and the
// best by score; of the best only the .nemo.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <vector>

#include "checkpoint/checkpoint.h"
#include "train/state_dict.h"
#include "train/tensor_file.h"

namespace glossa::train {

inline constexpr const char* kCheckpointFolder = "checkpoints";  // of a run's folder

struct SavedStep {
  std::int64_t step = 0;
  std::filesystem::path model;  // .nemo
  std::filesystem::path state;  // .state
};

class CheckpointStore {
 public:
  // When the newest step of a folder was saved; none without one.
  static std::optional<std::filesystem::file_time_type> last_saved(const std::filesystem::path& folder);

  // Makes the folder. `base` gives configuration and tokenizer and must outlive the store.
  CheckpointStore(std::filesystem::path folder, int best_kept, const checkpoint::Checkpoint& base);

  // Error kBadInput when the disk refuses; older steps are untouched then.
  SavedStep save(std::int64_t step, const StateDict& weights, const StateDict& optimizer,
                 const Metadata& metadata);

  // Neither models nor states nor scores of any step.
  bool is_empty() const;

  // The newest step whose files are whole.
  std::optional<SavedStep> newest() const;

  // Lower is better. Steps that are neither newest nor among the best are removed. Error kBadInput when the
  // disk refuses; the score counts all the same.
  void score(std::int64_t step, double score);
  // Best first: steps with a score whose .nemo is there.
  std::vector<std::int64_t> best() const;
  const std::map<std::int64_t, double>& scores() const { return scores_; }
  // What a process that was killed while it saved has left.
  void remove_half_written() const;
  // Of a run that goes on from `step`: what came later is not its past.
  void forget_after(std::int64_t step);

  std::filesystem::path model_path(std::int64_t step) const;
  std::filesystem::path state_path(std::int64_t step) const;

 private:
  void prune();
  void write_scores() const;

  std::filesystem::path folder_;
  int best_kept_;
  const checkpoint::Checkpoint& base_;
  std::map<std::int64_t, double> scores_;
};

}  // namespace glossa::train
