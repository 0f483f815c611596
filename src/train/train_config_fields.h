// The one list of configuration keys: reading, writing and spell-checking all go through it. Keys of one
// section stand together: the writer opens each section once.
#pragma once

#include <string>

#include "train/train_config.h"

namespace glossa::train {

template <class Dataset, class Visitor>
void visit_dataset(Dataset& data, Visitor& visit) {
  const std::string prefix = "model.train_ds.";
  visit(prefix + "manifest_filepath", data.manifest_filepath);
  visit(prefix + "tarred_audio_filepaths", data.tarred_audio_filepaths);
  visit(prefix + "shar_path", data.shar_path);
  visit(prefix + "input_cfg", data.input_cfg);
  visit(prefix + "batch_size", data.batch_size);
  visit(prefix + "batch_duration", data.batch_duration);
  visit(prefix + "quadratic_duration", data.quadratic_duration);
  visit(prefix + "use_bucketing", data.use_bucketing);
  visit(prefix + "num_buckets", data.num_buckets);
  visit(prefix + "bucket_duration_bins", data.bucket_duration_bins);
  visit(prefix + "bucket_buffer_size", data.bucket_buffer_size);
  visit(prefix + "min_duration", data.min_duration);
  visit(prefix + "max_duration", data.max_duration);
  visit(prefix + "shuffle", data.shuffle);
  visit(prefix + "num_workers", data.num_workers);
  visit(prefix + "text_field", data.text_field);
  visit(prefix + "lang_field", data.lang_field);
  visit(prefix + "default_lang", data.default_lang);
  visit(prefix + "default_prompt_mode", data.default_prompt_mode);
  visit(prefix + "unified_auto_ratio", data.unified_auto_ratio);
  visit(prefix + "skip_missing_manifest_entries", data.skip_missing_manifest_entries);
}

// visit(std::string key, member): keys of one section follow each other.
template <class Config, class Visitor>
void visit_fields(Config& c, Visitor& visit) {
  visit("init_from_nemo_model", c.init_from_nemo_model);

  visit_dataset(c.train_ds, visit);
  visit("model.train_ds.noise_path", c.train_ds.noise_path);
  visit("model.train_ds.noise_snr", c.waveform.noise_snr);
  visit("model.train_ds.noise_mix_prob", c.waveform.noise_mix_prob);
  visit("model.train_ds.perturb_speed", c.waveform.perturb_speed);
  visit("model.validation_ds.manifest_filepath", c.validation_ds.manifest_filepath);
  visit("model.validation_ds.text_field", c.validation_ds.text_field);
  visit("model.validation_ds.lang_field", c.validation_ds.lang_field);
  visit("model.validation_ds.default_lang", c.validation_ds.default_lang);
  visit("model.validation_ds.default_prompt_mode", c.validation_ds.default_prompt_mode);

  visit("model.preprocessor.dither", c.dither);
  visit("model.spec_augment.freq_masks", c.spec_augment.freq_masks);
  visit("model.spec_augment.time_masks", c.spec_augment.time_masks);
  visit("model.spec_augment.freq_width", c.spec_augment.freq_width);
  visit("model.spec_augment.time_width", c.spec_augment.time_width);
  visit("model.encoder.dropout", c.regularisation.dropout);
  visit("model.encoder.dropout_pre_encoder", c.regularisation.dropout_pre_encoder);
  visit("model.encoder.dropout_emb", c.regularisation.dropout_emb);
  visit("model.encoder.dropout_att", c.regularisation.dropout_att);
  visit("model.encoder.att_context_size", c.att_context_size);
  visit("model.encoder.att_context_probs", c.att_context_probs);
  visit("model.decoder.prednet.dropout", c.regularisation.prednet_dropout);
  visit("model.joint.jointnet.dropout", c.regularisation.jointnet_dropout);
  visit("model.loss.warprnnt_numba_kwargs.fastemit_lambda", c.fastemit_lambda);
  visit("model.loss.warprnnt_numba_kwargs.clamp", c.clamp);
  visit("model.aux_ctc.ctc_loss_weight", c.ctc_loss_weight);
  visit("model.optim.lr", c.optim.lr);
  visit("model.optim.betas", c.optim.betas);
  visit("model.optim.eps", c.optim.eps);
  visit("model.optim.weight_decay", c.optim.weight_decay);
  visit("model.optim.sched.name", c.optim.sched.kind);
  visit("model.optim.sched.warmup_steps", c.optim.sched.warmup_steps);
  visit("model.optim.sched.warmup_ratio", c.optim.sched.warmup_ratio);
  visit("model.optim.sched.constant_steps", c.optim.sched.constant_steps);
  visit("model.optim.sched.constant_ratio", c.optim.sched.constant_ratio);
  visit("model.optim.sched.min_lr", c.optim.sched.min_lr);
  visit("model.optim.sched.max_steps", c.optim.sched.max_steps);
  visit("model.optim.sched.d_model", c.optim.sched.d_model);
  visit("model.optim.sched.power", c.optim.sched.power);

  visit("trainer.max_steps", c.trainer.max_steps);
  visit("trainer.accelerator", c.trainer.accelerator);
  visit("trainer.precision", c.trainer.precision);
  visit("trainer.gradient_clip_val", c.trainer.gradient_clip_val);
  visit("trainer.accumulate_grad_batches", c.trainer.accumulate_grad_batches);
  visit("trainer.devices", c.trainer.devices);
  visit("trainer.num_nodes", c.trainer.num_nodes);
  visit("trainer.val_check_interval", c.trainer.val_check_interval);
  visit("trainer.log_every_n_steps", c.trainer.log_every_n_steps);

  visit("exp_manager.exp_dir", c.experiment.exp_dir);
  visit("exp_manager.name", c.experiment.name);
  visit("exp_manager.version", c.experiment.version);
  visit("exp_manager.resume_if_exists", c.experiment.resume_if_exists);
  visit("exp_manager.create_tensorboard_logger", c.experiment.create_tensorboard_logger);
  visit("exp_manager.checkpoint_callback_params.save_top_k", c.experiment.save_top_k);
  visit("exp_manager.checkpoint_callback_params.always_save_nemo", c.experiment.always_save_nemo);
  visit("exp_manager.checkpoint_callback_params.every_n_train_steps", c.experiment.every_n_train_steps);

  visit("glossa.try_largest_batch", c.try_largest_batch);
  visit("glossa.rehearsal_steps", c.rehearsal_steps);
  visit("glossa.new_model.config", c.new_model.config);
  visit("glossa.new_model.tokenizer", c.new_model.tokenizer);
  visit("glossa.from_scratch", c.from_scratch);
  visit("glossa.surface", c.surface);
  visit("glossa.freeze_subsampling", c.freeze_subsampling);
  visit("glossa.lora.rank", c.lora.rank);
  visit("glossa.lora.alpha", c.lora.alpha);
  visit("glossa.learning_rate_scales.encoder", c.learning_rate_scales.encoder);
  visit("glossa.learning_rate_scales.prompt_kernel", c.learning_rate_scales.prompt_kernel);
  visit("glossa.learning_rate_scales.decoder", c.learning_rate_scales.decoder);
  visit("glossa.learning_rate_scales.joint", c.learning_rate_scales.joint);
  visit("glossa.append_lang_tag", c.append_lang_tag);
  visit("glossa.seed", c.seed);
  visit("glossa.threads", c.threads);
  visit("glossa.batch_shares", c.batch_shares);
  visit("glossa.frame_label_weight", c.frame_label_weight);
  visit("glossa.replay.manifests", c.replay.manifests);
  visit("glossa.replay.share", c.replay.share);
  visit("glossa.join.share", c.join.share);
  visit("glossa.join.most", c.join.most);
  visit("glossa.join.pause", c.join.pause);
  visit("glossa.validation.latencies", c.validation.latencies);
  visit("glossa.validation.probe_manifests", c.validation.probe_manifests);
  visit("glossa.validation.patience", c.validation.patience);
  visit("glossa.validation.max_utterances", c.validation.max_utterances);
  visit("glossa.augment.speeds", c.waveform.speeds);
  visit("glossa.augment.speed_range", c.waveform.speed_range);
  visit("glossa.augment.gain_prob", c.waveform.gain_prob);
  visit("glossa.augment.gain_db", c.waveform.gain_db);
  visit("glossa.augment.white_noise_prob", c.waveform.white_noise_prob);
  visit("glossa.augment.white_noise_db", c.waveform.white_noise_db);
  visit("glossa.average_best", c.average_best);
  visit("glossa.base_share", c.base_share);
  visit("glossa.max_skipped_steps", c.max_skipped_steps);
}

}  // namespace glossa::train
