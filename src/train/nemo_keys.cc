#include "train/nemo_keys.h"

#include <limits>
#include <span>

#include "base/edit_distance.h"

namespace glossa::train {
namespace {

constexpr std::string_view kNothingLost;
constexpr std::string_view kCheckpoint = "the base model's own is kept";
constexpr std::string_view kSteps = "glossa counts steps, not epochs";
constexpr std::string_view kEngine = "validation streams through glossa's engine";
constexpr std::string_view kLightning = "belongs to Lightning";
constexpr std::string_view kLhotse = "glossa reads data without Lhotse";
constexpr std::string_view kNotDone = "glossa does not do this";
constexpr std::string_view kFiles = "validation reads manifest_filepath, of sound files";
constexpr std::string_view kJoin = "glossa.join joins utterances";

struct UnusedKey {
  std::string_view pattern;  // "a.b", or "a.b.*" for all of a section
  std::string_view reason;
};

// NeMo's fine-tuning and recipe YAMLs, LhotseDataLoadingConfig, Lightning's Trainer, exp_manager.
constexpr UnusedKey kUnused[] = {
    {"name", kNothingLost},
    {"hydra.*", "belongs to Hydra"},
    {"init_from_pretrained_model", "models are files: give init_from_nemo_model"},
    {"init_from_ptl_ckpt", "models are files: give init_from_nemo_model"},
    {"save_path", kNothingLost},

    {"model.name", kNothingLost},
    {"model.target", kNothingLost},
    {"model.nemo_version", kNothingLost},
    {"model.sample_rate", kCheckpoint},
    {"model.labels", kCheckpoint},
    {"model.subsampling_factor", kCheckpoint},
    {"model.num_prompts", kCheckpoint},
    {"model.compute_eval_loss", kEngine},
    {"model.log_prediction", kEngine},
    {"model.use_cer", kEngine},
    {"model.rnnt_reduction", "the loss is the mean over the batch"},
    {"model.skip_nan_grad", "such steps are always skipped"},
    {"model.model_defaults.*", kCheckpoint},
    {"model.tokenizer.*", kCheckpoint},
    {"model.char_labels.*", kCheckpoint},
    {"model.test_ds.*", kEngine},
    {"model.decoding.*", kEngine},
    {"model.interctc.*", kNotDone},
    {"model.variational_noise.*", kNotDone},
    {"model.aux_ctc.use_cer", kEngine},
    {"model.aux_ctc.decoder.*", "the head is a linear layer to the vocabulary"},
    {"model.aux_ctc.decoding.*", kEngine},
    {"model.adapters.*", kNotDone},
    {"model.freeze_updates.*", "glossa.surface says what is trained"},
    {"model.optim.args.*", kNotDone},
    {"model.optim.sched.monitor", kLightning},
    {"model.optim.sched.reduce_on_plateau", kLightning},
    {"model.optim.sched.last_epoch", kNothingLost},
    {"model.loss.loss_name", kNothingLost},
    {"model.joint.fused_batch_size", kNothingLost},
    {"model.joint.fuse_loss_wer", kNothingLost},
    {"model.joint.preserve_memory", kNothingLost},
    {"model.joint.experimental_fuse_loss_wer", kNothingLost},
    {"model.joint.log_softmax", kNothingLost},
    {"model.joint._target_", kNothingLost},
    {"model.joint.jointnet.joint_hidden", kCheckpoint},
    {"model.joint.jointnet.activation", kCheckpoint},
    {"model.joint.num_classes", kCheckpoint},
    {"model.joint.vocabulary", kCheckpoint},
    {"model.joint.jointnet.encoder_hidden", kCheckpoint},
    {"model.joint.jointnet.pred_hidden", kCheckpoint},
    {"model.decoder._target_", kNothingLost},
    {"model.decoder.normalization_mode", kCheckpoint},
    {"model.decoder.random_state_sampling", kCheckpoint},
    {"model.decoder.blank_as_pad", kCheckpoint},
    {"model.decoder.vocab_size", kCheckpoint},
    {"model.decoder.prednet.pred_hidden", kCheckpoint},
    {"model.decoder.prednet.pred_rnn_layers", kCheckpoint},
    {"model.decoder.prednet.t_max", kCheckpoint},
    {"model.spec_augment._target_", kNothingLost},
    {"model.spec_augment.mask_value", kNothingLost},
    {"model.spec_augment.use_vectorized_code", kNothingLost},
    {"model.spec_augment.rng", kNothingLost},
    {"model.preprocessor._target_", kNothingLost},
    {"model.preprocessor.sample_rate", kCheckpoint},
    {"model.preprocessor.normalize", kCheckpoint},
    {"model.preprocessor.window_size", kCheckpoint},
    {"model.preprocessor.window_stride", kCheckpoint},
    {"model.preprocessor.window", kCheckpoint},
    {"model.preprocessor.features", kCheckpoint},
    {"model.preprocessor.n_fft", kCheckpoint},
    {"model.preprocessor.log", kCheckpoint},
    {"model.preprocessor.frame_splicing", kCheckpoint},
    {"model.preprocessor.pad_to", kCheckpoint},
    {"model.preprocessor.pad_value", kCheckpoint},
    {"model.encoder._target_", kNothingLost},
    {"model.encoder.feat_in", kCheckpoint},
    {"model.encoder.feat_out", kCheckpoint},
    {"model.encoder.n_layers", kCheckpoint},
    {"model.encoder.d_model", kCheckpoint},
    {"model.encoder.use_bias", kCheckpoint},
    {"model.encoder.subsampling", kCheckpoint},
    {"model.encoder.subsampling_factor", kCheckpoint},
    {"model.encoder.subsampling_conv_channels", kCheckpoint},
    {"model.encoder.subsampling_conv_chunking_factor", kNothingLost},
    {"model.encoder.causal_downsampling", kCheckpoint},
    {"model.encoder.reduction", kCheckpoint},
    {"model.encoder.reduction_position", kCheckpoint},
    {"model.encoder.reduction_factor", kCheckpoint},
    {"model.encoder.ff_expansion_factor", kCheckpoint},
    {"model.encoder.self_attention_model", kCheckpoint},
    {"model.encoder.n_heads", kCheckpoint},
    {"model.encoder.att_context_style", kCheckpoint},
    {"model.encoder.xscaling", kCheckpoint},
    {"model.encoder.untie_biases", kCheckpoint},
    {"model.encoder.pos_emb_max_len", kCheckpoint},
    {"model.encoder.conv_kernel_size", kCheckpoint},
    {"model.encoder.conv_norm_type", kCheckpoint},
    {"model.encoder.conv_context_size", kCheckpoint},
    {"model.encoder.stochastic_depth_drop_prob", kNotDone},
    {"model.encoder.stochastic_depth_mode", kNotDone},
    {"model.encoder.stochastic_depth_start_layer", kNotDone},

    {"trainer.max_epochs", kSteps},
    {"trainer.min_epochs", kSteps},
    {"trainer.check_val_every_n_epoch", kSteps},
    {"trainer.limit_train_batches", kSteps},
    {"trainer.min_steps", kLightning},
    {"trainer.max_time", kLightning},
    {"trainer.limit_val_batches", "glossa.validation.max_utterances limits validation"},
    {"trainer.limit_test_batches", kLightning},
    {"trainer.num_sanity_val_steps", "the base model is always evaluated first"},
    {"trainer.fast_dev_run", kLightning},
    {"trainer.overfit_batches", kLightning},
    {"trainer.strategy", kLightning},
    {"trainer.strategy.*", kLightning},
    {"trainer.sync_batchnorm", kNothingLost},
    {"trainer.enable_checkpointing", kNothingLost},
    {"trainer.logger", kNothingLost},
    {"trainer.callbacks", kLightning},
    {"trainer.benchmark", kLightning},
    {"trainer.deterministic", "glossa's results depend on glossa.seed alone"},
    {"trainer.detect_anomaly", kLightning},
    {"trainer.profiler", kLightning},
    {"trainer.enable_progress_bar", kNothingLost},
    {"trainer.enable_model_summary", kNothingLost},
    {"trainer.use_distributed_sampler", kNothingLost},
    {"trainer.replace_sampler_ddp", kNothingLost},
    {"trainer.gradient_clip_algorithm", "gradients are clipped by their norm"},
    {"trainer.default_root_dir", kLightning},
    {"trainer.plugins", kLightning},

    {"exp_manager.explicit_log_dir", "exp_dir, name and version say where a run lies"},
    {"exp_manager.use_datetime_version", kNothingLost},
    {"exp_manager.resume_ignore_no_checkpoint", kNothingLost},
    {"exp_manager.resume_past_end", kNothingLost},
    {"exp_manager.resume_from_checkpoint", "resume_if_exists resumes"},
    {"exp_manager.create_checkpoint_callback", kNothingLost},
    {"exp_manager.create_wandb_logger", kNotDone},
    {"exp_manager.wandb_logger_kwargs.*", kNotDone},
    {"exp_manager.summary_writer_kwargs.*", kNotDone},
    {"exp_manager.create_mlflow_logger", kNotDone},
    {"exp_manager.mlflow_logger_kwargs.*", kNotDone},
    {"exp_manager.create_clearml_logger", kNotDone},
    {"exp_manager.create_dllogger_logger", kNotDone},
    {"exp_manager.create_early_stopping_callback", "glossa.validation.patience stops early"},
    {"exp_manager.early_stopping_callback_params.*", "glossa.validation.patience stops early"},
    {"exp_manager.log_step_timing", kNothingLost},
    {"exp_manager.step_timing_kwargs.*", kNothingLost},
    {"exp_manager.log_local_rank_0_only", kNothingLost},
    {"exp_manager.log_global_rank_0_only", kNothingLost},
    {"exp_manager.disable_validation_on_resume", kNothingLost},
    {"exp_manager.files_to_copy", kNotDone},
    {"exp_manager.seconds_to_sleep", kNothingLost},
    {"exp_manager.max_time_per_run", kNotDone},
    {"exp_manager.create_preemption_callback", kNothingLost},
    {"exp_manager.ema.*", kNotDone},
    {"exp_manager.checkpoint_callback_params.filename", kNothingLost},
    {"exp_manager.checkpoint_callback_params.dirpath", kNothingLost},
    {"exp_manager.checkpoint_callback_params.save_last", kNothingLost},
    {"exp_manager.checkpoint_callback_params.save_best_model", kNothingLost},
    {"exp_manager.checkpoint_callback_params.save_nemo_on_train_end", kNothingLost},
    {"exp_manager.checkpoint_callback_params.save_on_train_epoch_end", kNothingLost},
    {"exp_manager.checkpoint_callback_params.every_n_epochs", kSteps},
    {"exp_manager.checkpoint_callback_params.verbose", kNothingLost},
    {"exp_manager.checkpoint_callback_params.prefix", kNothingLost},
    {"exp_manager.checkpoint_callback_params.postfix", kNothingLost},
    {"exp_manager.checkpoint_callback_params.model_parallel_size", kNotDone},
    {"exp_manager.checkpoint_callback_params.train_time_interval", kNotDone},
    {"exp_manager.checkpoint_callback_params.async_save", kNothingLost},
};

// Of train_ds and of validation_ds.
constexpr UnusedKey kUnusedOfDatasets[] = {
    {"sample_rate", kCheckpoint},
    {"use_lhotse", kNothingLost},
    {"is_tarred", kNothingLost},
    {"shard_manifests", kNothingLost},
    {"pin_memory", kNothingLost},
    {"persistent_workers", kNothingLost},
    {"shuffle_n", kNothingLost},
    {"shuffle_buffer_size", "bucket_buffer_size is the one buffer"},
    {"concurrent_bucketing", kNothingLost},
    {"num_cuts_for_bins_estimate", kNothingLost},
    {"bucket_batch_size", "batch_duration and batch_size limit a batch"},
    {"bucketing_batch_size", "batch_duration and batch_size limit a batch"},
    {"bucketing_strategy", kLhotse},
    {"bucketing_2d_strict_mode", kLhotse},
    {"max_cuts", kLhotse},
    {"max_open_streams", kLhotse},
    {"slice_length", "shards are read at random places"},
    {"drop_last", kNothingLost},
    {"shard_seed", "glossa.seed is the one seed"},
    {"seed", "glossa.seed is the one seed"},
    {"defer_setup", kNothingLost},
    {"training_mode", kNothingLost},
    {"name", kNothingLost},
    {"labels", kCheckpoint},
    {"prompt_field", "lang_field names the language"},
    {"prompt_mode_field", kNotDone},
    {"prompt_dictionary", kCheckpoint},
    {"prompt_dictionary.*", kCheckpoint},
    {"num_prompts", kCheckpoint},
    {"subsampling_factor", kCheckpoint},
    {"use_start_end_token", kNothingLost},
    {"trim_silence", kNotDone},
    {"channel_selector", "channels are averaged"},
    {"cuts_path", kLhotse},
    {"multi_config", kLhotse},
    {"sampler_fusion", kLhotse},
    {"sampler_weights", kLhotse},
    {"pretokenize", kNothingLost},
    {"min_tps", kNotDone},
    {"max_tps", kNotDone},
    {"min_tokens", kNotDone},
    {"max_tokens", kNotDone},
    {"concatenate_samples", kJoin},
    {"concatenate_gap_seconds", kJoin},
    {"concatenate_duration_factor", kJoin},
    {"concatenate_merge_supervisions", kJoin},
    {"db_norm", kNotDone},
    {"truncate_duration", kNotDone},
    {"truncate_offset_type", kNotDone},
    {"cut_into_windows_duration", kNotDone},
    {"cut_into_windows_hop", kNotDone},
    {"keep_excessive_supervisions", kNotDone},
    {"rir_enabled", kNotDone},
    {"rir_path", kNotDone},
    {"rir_prob", kNotDone},
    {"pad_min_duration", kNotDone},
    {"pad_direction", kNotDone},
    {"metadata_only", kLhotse},
    {"force_finite", kLhotse},
    {"force_map_dataset", kLhotse},
    {"force_iterable_dataset", kLhotse},
    {"tarred_shard_strategy", kNothingLost},
    {"tarred_random_access", kLhotse},
    {"max_utts", kNotDone},
    {"augmentor", "glossa.augment and noise_path augment"},
    {"augmentor.*", "glossa.augment and noise_path augment"},
};

// Of validation_ds alone.
constexpr UnusedKey kUnusedOfValidation[] = {
    {"tarred_audio_filepaths", kFiles},
    {"shar_path", kFiles},
    {"input_cfg", kFiles},
    {"batch_size", kNothingLost},
    {"batch_duration", kNothingLost},
    {"quadratic_duration", kNothingLost},
    {"use_bucketing", kNothingLost},
    {"num_buckets", kNothingLost},
    {"bucket_duration_bins", kNothingLost},
    {"bucket_buffer_size", kNothingLost},
    {"min_duration", "every entry is measured"},
    {"max_duration", "every entry is measured"},
    {"shuffle", kNothingLost},
    {"num_workers", kNothingLost},
    {"unified_auto_ratio", kNothingLost},
    {"skip_missing_manifest_entries", kNothingLost},
};

struct UnusedKeys {
  std::string_view prefix;
  std::span<const UnusedKey> keys;
};

constexpr UnusedKeys kAllUnused[] = {
    {"", kUnused},
    {"model.train_ds.", kUnusedOfDatasets},
    {"model.validation_ds.", kUnusedOfDatasets},
    {"model.validation_ds.", kUnusedOfValidation},
};

bool matches(std::string_view key, std::string_view pattern) {
  if (!pattern.ends_with(".*")) return key == pattern;
  const std::string_view section = pattern.substr(0, pattern.size() - 2);
  return key == section || (key.starts_with(section) && key.substr(section.size()).starts_with('.'));
}

}  // namespace

std::optional<std::string_view> reason_unused(std::string_view key) {
  for (const auto& [prefix, keys] : kAllUnused) {
    if (!key.starts_with(prefix)) continue;
    for (const auto& [pattern, reason] : keys) {
      if (matches(key.substr(prefix.size()), pattern)) return reason;
    }
  }
  return std::nullopt;
}

std::string nearest_key(std::string_view key, const std::vector<std::string>& used) {
  constexpr std::size_t kLongest = 200;
  key = key.substr(0, kLongest);
  std::string best;
  std::size_t smallest = std::numeric_limits<std::size_t>::max();
  const auto consider = [&](std::string candidate) {
    const std::size_t distance = edit_distance(key, candidate);
    if (distance >= smallest) return;
    smallest = distance;
    best = std::move(candidate);
  };
  for (const auto& candidate : used) consider(candidate);
  const auto plain = [](std::string_view pattern) {
    return std::string(pattern.ends_with(".*") ? pattern.substr(0, pattern.size() - 2) : pattern);
  };
  for (const auto& [prefix, keys] : kAllUnused) {
    for (const auto& unused : keys) consider(std::string(prefix) + plain(unused.pattern));
  }
  return best;
}

}  // namespace glossa::train
