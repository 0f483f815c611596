#include "cli/training_options.h"

#include <algorithm>
#include <thread>

#include "train/device.h"

namespace glossa::cli {
namespace {

constexpr std::int64_t kGpuTileBytes = std::int64_t{1} << 30;  // few and large launches

int threads_of(const train::TrainConfig& config, int local_ranks) {
  if (config.threads > 0) return config.threads;
  return std::max(1, static_cast<int>(std::thread::hardware_concurrency()) / local_ranks);
}

}  // namespace

train::TrainerOptions trainer_options(const train::TrainConfig& config, const model::ModelConfig& model,
                                      const std::filesystem::path& folder,
                                      const train::RankEnvironment& environment) {
  const train::RegularisationConfig& regularisation = config.regularisation;
  train::TrainerOptions options;
  options.steps = config.trainer.max_steps;
  options.accumulate = config.trainer.accumulate_grad_batches;
  options.clip_norm = config.trainer.gradient_clip_val;
  options.lr = config.optim.lr;
  options.schedule = config.optim.sched;
  if (!options.schedule.d_model) options.schedule.d_model = model.encoder.d_model;
  options.adamw = {config.optim.betas[0], config.optim.betas[1], config.optim.eps, config.optim.weight_decay};
  options.surface = config.surface;
  options.lr_scales = config.learning_rate_scales;
  options.freeze_subsampling = config.freeze_subsampling;
  options.low_rank = config.lora.rank;
  options.low_rank_alpha = config.lora.alpha.value_or(2.0 * config.lora.rank);
  options.from_scratch = config.from_scratch || config.new_model.is_wanted();
  options.dropout = {regularisation.dropout,         regularisation.dropout_pre_encoder,
                     regularisation.dropout_emb,     regularisation.dropout_att,
                     regularisation.prednet_dropout, regularisation.jointnet_dropout};
  options.loss = {.fastemit_lambda = config.fastemit_lambda, .clamp = config.clamp};
  options.device = train::choose_device(config.trainer.accelerator, environment.local_rank);
  options.bf16 = config.trainer.precision == train::Precision::kBF16Mixed;
  if (!options.device.is_cpu()) options.loss.tile_bytes = kGpuTileBytes;
  options.ctc_weight = config.ctc_loss_weight;
  options.frame_label_weight = config.frame_label_weight;
  if (config.spec_augment.freq_masks > 0 || config.spec_augment.time_masks > 0)
    options.spec_augment = config.spec_augment;
  options.contexts = config.att_context_size.empty() ? model.encoder.att_contexts : config.att_context_size;
  options.context_probs = config.att_context_probs;
  options.save_every = config.experiment.every_n_train_steps.value_or(0);
  options.validate_every = config.trainer.val_check_interval;
  options.patience = config.validation.patience;
  options.best_kept = config.experiment.save_top_k;
  options.average_best = config.average_best;
  options.base_share = config.base_share;
  options.resume = config.experiment.resume_if_exists;
  options.seed = config.seed;
  options.threads = threads_of(config, environment.local_ranks);
  options.shares = config.batch_shares;
  options.most_skipped = config.max_skipped_steps;
  options.folder = folder;
  return options;
}

}  // namespace glossa::cli
