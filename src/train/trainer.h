// The training loop: batches in, a better checkpoint out. Knows neither files of audio nor the engine:
// batches come from a function, and validation is a function that is given a .nemo.
//
// Everything random follows from the seed and the number of the batch, so a run that goes on from a
// checkpoint computes what the uninterrupted one would have, bit for bit on the same machine and number of
// threads.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "checkpoint/checkpoint.h"
#include "train/augment/spec_augment.h"
#include "train/batch.h"
#include "train/candidate.h"
#include "train/checkpoint_store.h"
#include "train/distributed/process_group.h"
#include "train/loss/rnnt_loss.h"
#include "train/nn/asr_model.h"
#include "train/optim/adamw.h"
#include "train/optim/parameter_groups.h"
#include "train/optim/schedule.h"

namespace glossa::train {

struct TrainerOptions {
  std::int64_t steps = 0;  // optimizer steps
  int accumulate = 1;      // batches of a step
  double clip_norm = 0;    // of the gradient over all parameters; 0: no clipping
  double lr = 0;
  ScheduleConfig schedule;
  AdamWConfig adamw;
  std::string surface = "full";
  LearningRateScales lr_scales;
  bool freeze_subsampling = false;
  int low_rank = 0;           // LoRA's rank: of the encoder's matrices move low-rank factors alone; 0: none
  double low_rank_alpha = 0;  // LoRA's alpha
  bool from_scratch = false;  // the base gives the geometry alone; weights are drawn from the seed
  DropoutConfig dropout;
  RnntLossOptions loss;
  double frame_label_weight = 0;  // of the auxiliary classifier of frames, added to the rest; 0: none
  double ctc_weight = 0;          // of the auxiliary CTC head's loss, the transducer has the rest; 0: no head
  std::optional<SpecAugmentConfig> spec_augment;
  std::vector<AttContext> contexts;   // one is drawn per batch
  std::vector<double> context_probs;  // of contexts; empty: all the same
  std::int64_t save_every = 0;        // steps; 0: only at the end
  std::int64_t validate_every = 0;    // steps, validated steps are saved; 0: only at the end
  int patience = 0;  // validations without a better score before the run ends; 0: it does not
  int best_kept = 3;
  int average_best = 1;   // at the end, the mean of so many of the best kept is a candidate, too; 1: none
  double base_share = 0;  // and what is written at the end is mixed with so much of the base
  bool resume = false;
  std::uint64_t seed = 0;
  torch::Device device = torch::kCPU;
  bool bf16 = false;      // products in bf16 where the device has them; the CPU computes in f32
  int threads = 0;        // 0: libtorch's own choice
  int shares = 0;         // of a batch, each on a thread of its own (batch_gradients.h); 0: shares_for()
  int most_skipped = 25;  // steps in a row whose gradient was not finite
  std::filesystem::path folder;  // of the run; checkpoints go to folder/checkpoints
};

struct StepReport {
  std::int64_t step = 0;  // optimizer steps done, this one counted
  double loss = 0;        // mean over the step's utterances
  double lr = 0;
  double grad_norm = 0;     // before clipping
  bool skipped = false;     // the gradient was not finite: no parameter moved
  double audio_hours = 0;   // since the run began, all processes together
  double seconds = 0;       // of this step
  double data_seconds = 0;  // of them spent waiting for a batch
};

struct TrainerHooks {
  std::function<void(const StepReport&)> on_step;
  // The score of a model, lower is better (word error rate at the deployed latency).
  std::function<double(const std::filesystem::path& model, const Candidate& candidate)> validate;
  // True ends the run after the running step, with a checkpoint.
  std::function<bool()> stop;
};

struct TrainingOutcome {
  std::int64_t steps = 0;  // done
  bool stopped = false;    // by the hook
  bool out_of_patience = false;
  std::filesystem::path model;  // what the run gives: folder/NAME.nemo; empty when stopped
  Candidate candidate;          // what it is
  std::int64_t best_step = 0;   // by score, else the last
  std::optional<double> score;  // its own, where it was validated
};

class Trainer {
 public:
  // Hooks are called on the first process only, `stop` on all. `base` and `group` must outlive the trainer.
  // Error kInvalidArgument for options that contradict each other, kBadInput for a checkpoint that does not
  // fit.
  Trainer(const checkpoint::Checkpoint& base, const TrainerOptions& options, ProcessGroup& group,
          TrainerHooks hooks);
  ~Trainer();

  // Where a resumed run goes on: optimizer steps done, and batches of this process that it has taken.
  std::int64_t first_step() const;
  std::int64_t first_batch() const;
  std::int64_t trained_parameters() const;

  // Before run(): takes `steps` steps on one batch, with the full learning rate and nothing random, and puts
  // everything back. The loss before each: data and settings that can be learned from bring it far down.
  std::vector<double> rehearse(const TrainBatch& batch, int steps);

  // Before run(): the gradient of one batch, beside as much memory as a step holds, thrown away. Gives the
  // seconds that it took. Error kInvalidArgument when the memory does not suffice.
  double try_batch(const TrainBatch& batch);

  // `next` gives this process's batches from first_batch() on. `name` of the final model, without ".nemo".
  TrainingOutcome run(const std::function<TrainBatch()>& next, const std::string& name);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace glossa::train
