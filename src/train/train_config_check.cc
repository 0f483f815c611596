// What a training configuration must not contradict.
#include <algorithm>
#include <cctype>
#include <cmath>
#include <numeric>
#include <string_view>

#include "base/fail.h"
#include "base/printable.h"
#include "train/train_config.h"

namespace glossa::train {
namespace {

class Checker {
 public:
  explicit Checker(const std::string& source) : source_(source) {}

  template <class... Args>
  [[noreturn]] void fail(fmt::format_string<Args...> text, Args&&... args) const {
    fail_bad_input("{}: {}", source_, fmt::format(text, std::forward<Args>(args)...));
  }
  void at_least(const char* key, double value, double least) const {
    if (!(value >= least)) fail("{} is {} (expected {} or more)", key, value, least);
  }
  void share(const char* key, double value) const {
    if (!(value >= 0 && value <= 1)) fail("{} is {} (expected 0 to 1)", key, value);
  }
  void dropout(const char* key, double value) const {
    if (!(value >= 0 && value < 1)) fail("{} is {} (expected 0 to below 1)", key, value);
  }
  void weights(const char* key, const std::vector<WeightedPath>& paths) const {
    const auto with =
        std::count_if(paths.begin(), paths.end(), [](const auto& path) { return path.weight.has_value(); });
    if (with != 0 && with != static_cast<std::ptrdiff_t>(paths.size())) {
      fail("{} has weights for {} of {} paths (expected all or none)", key, with, paths.size());
    }
    for (const auto& path : paths) {
      if (path.path.empty()) fail("{} has an empty path", key);
      if (path.weight && !(*path.weight > 0)) {
        fail("{} has the weight {} for {} (expected a number above 0)", key, *path.weight, path.path);
      }
    }
  }
  // Errors of classes that check their own settings, told with the configuration's name.
  template <class Action>
  void within(const char* key, const Action& action) const {
    try {
      action();
    } catch (const Error& error) {
      fail("{}: {}", key, error.what());
    }
  }

 private:
  const std::string& source_;
};

void check_prompt_mode(const Checker& checker, const char* key, const std::string& mode) {
  if (mode != "langID" && mode != "auto" && mode != "unified")
    checker.fail("{} is '{}' (expected langID, auto or unified)", key, printable(mode));
}

void check_dataset(const Checker& checker, const DatasetConfig& data) {
  const auto key = [&](const char* field) { return std::string("model.train_ds.") + field; };
  const int sources = (data.manifest_filepath.empty() ? 0 : 1) + (data.shar_path.empty() ? 0 : 1) +
                      (data.input_cfg.text.empty() ? 0 : 1);
  if (sources > 1)
    checker.fail("model.train_ds has several of manifest_filepath, shar_path and input_cfg (expected one)");
  if (!data.tarred_audio_filepaths.empty() &&
      data.tarred_audio_filepaths.size() != data.manifest_filepath.size()) {
    checker.fail("{} has {} entries but {} {} (expected as many)", key("tarred_audio_filepaths"),
                 data.tarred_audio_filepaths.size(), key("manifest_filepath"), data.manifest_filepath.size());
  }
  checker.weights(key("manifest_filepath").c_str(), data.manifest_filepath);
  checker.weights(key("shar_path").c_str(), data.shar_path);
  if (data.batch_size) checker.at_least(key("batch_size").c_str(), *data.batch_size, 1);
  for (const auto& [field, value] : {std::pair{"batch_duration", data.batch_duration},
                                     std::pair{"quadratic_duration", data.quadratic_duration}}) {
    if (value && !(*value > 0)) checker.fail("{} is {} (expected seconds above 0)", key(field), *value);
  }
  if (!(data.min_duration <= data.max_duration) || !(data.max_duration > 0)) {
    checker.fail("{} is {} and {} is {} (expected min below max)", key("min_duration"), data.min_duration,
                 key("max_duration"), data.max_duration);
  }
  if (data.batch_duration && *data.batch_duration < data.min_duration) {
    checker.fail("{} is {}, below min_duration: no cut fits", key("batch_duration"), *data.batch_duration);
  }
  checker.at_least(key("num_buckets").c_str(), data.num_buckets, 1);
  checker.at_least(key("bucket_buffer_size").c_str(), data.bucket_buffer_size, 1);
  checker.at_least(key("num_workers").c_str(), data.num_workers, 0);
  if (!std::is_sorted(data.bucket_duration_bins.begin(), data.bucket_duration_bins.end())) {
    checker.fail("{} does not ascend", key("bucket_duration_bins"));
  }
  check_prompt_mode(checker, "model.train_ds.default_prompt_mode", data.default_prompt_mode);
  checker.share(key("unified_auto_ratio").c_str(), data.unified_auto_ratio);
}

void check_validation(const Checker& checker, const ValidationDatasetConfig& data) {
  checker.weights("model.validation_ds.manifest_filepath", data.manifest_filepath);
  check_prompt_mode(checker, "model.validation_ds.default_prompt_mode", data.default_prompt_mode);
}

void check_model(const Checker& checker, const TrainConfig& config) {
  const RegularisationConfig& dropout = config.regularisation;
  checker.dropout("model.encoder.dropout", dropout.dropout);
  checker.dropout("model.encoder.dropout_pre_encoder", dropout.dropout_pre_encoder);
  checker.dropout("model.encoder.dropout_emb", dropout.dropout_emb);
  checker.dropout("model.encoder.dropout_att", dropout.dropout_att);
  checker.dropout("model.decoder.prednet.dropout", dropout.prednet_dropout);
  checker.dropout("model.joint.jointnet.dropout", dropout.jointnet_dropout);
  for (const AttContext& context : config.att_context_size) {
    if (context.left < 0 || context.right < 0 || context.left % context.chunk_frames() != 0) {
      checker.fail("model.encoder.att_context_size has [{}, {}] (expected left a multiple of right + 1)",
                   context.left, context.right);
    }
  }
  if (!config.att_context_probs.empty()) {
    const auto& probs = config.att_context_probs;
    const double sum = std::accumulate(probs.begin(), probs.end(), 0.0);
    if (probs.size() != config.att_context_size.size() || std::abs(sum - 1) > 1e-3 ||
        std::any_of(probs.begin(), probs.end(), [](double prob) { return prob < 0; })) {
      checker.fail(
          "model.encoder.att_context_probs has {} numbers of sum {} (expected one for each of {} "
          "att_context_size, together 1)",
          probs.size(), sum, config.att_context_size.size());
    }
  }
  const SpecAugmentConfig& masks = config.spec_augment;
  checker.at_least("model.spec_augment.freq_masks", masks.freq_masks, 0);
  checker.at_least("model.spec_augment.time_masks", masks.time_masks, 0);
  checker.at_least("model.spec_augment.freq_width", masks.freq_width, 0);
  checker.at_least("model.spec_augment.time_width", masks.time_width.value, 0);
  if (masks.time_width.is_fraction) checker.share("model.spec_augment.time_width", masks.time_width.value);
  checker.at_least("model.loss.warprnnt_numba_kwargs.fastemit_lambda", config.fastemit_lambda, 0);
  checker.dropout("model.aux_ctc.ctc_loss_weight", config.ctc_loss_weight);
  checker.at_least("glossa.frame_label_weight", config.frame_label_weight, 0);
  checker.at_least("model.preprocessor.dither", config.dither, 0);
  constexpr int kAnyRate = 16000;
  checker.within("augmentation", [&] { WaveformAugment(config.waveform, kAnyRate); });
}

void check_steps(const Checker& checker, const TrainConfig& config) {
  const TrainerConfig& trainer = config.trainer;
  if (trainer.max_steps < 1) {
    checker.fail("trainer.max_steps is {} (expected the number of optimizer steps: data are endless)",
                 trainer.max_steps);
  }
  if (trainer.val_check_interval < 1 || trainer.val_check_interval > trainer.max_steps) {
    checker.fail("trainer.val_check_interval is {} (expected 1 to trainer.max_steps, which is {})",
                 trainer.val_check_interval, trainer.max_steps);
  }
  checker.at_least("trainer.accumulate_grad_batches", trainer.accumulate_grad_batches, 1);
  checker.at_least("trainer.num_nodes", trainer.num_nodes, 1);
  checker.at_least("trainer.log_every_n_steps", trainer.log_every_n_steps, 1);
  checker.at_least("trainer.gradient_clip_val", trainer.gradient_clip_val, 0);
  if (trainer.devices != -1) checker.at_least("trainer.devices", trainer.devices, 1);
  ScheduleConfig sched = config.optim.sched;
  if (!sched.d_model) sched.d_model = 1;  // filled in from the base model
  checker.within("model.optim", [&] {
    (void)Schedule(sched, config.optim.lr);  // throws what is wrong with it
  });
  for (const double beta : config.optim.betas) checker.dropout("model.optim.betas", beta);
  checker.at_least("model.optim.eps", config.optim.eps, 0);
  checker.at_least("model.optim.weight_decay", config.optim.weight_decay, 0);
}

// "320ms", or a context "56,3".
bool is_latency(std::string_view text) {
  const auto is_number = [](std::string_view part) {
    return !part.empty() &&
           std::all_of(part.begin(), part.end(), [](unsigned char c) { return std::isdigit(c); });
  };
  if (const auto comma = text.find(','); comma != text.npos)
    return is_number(text.substr(0, comma)) && is_number(text.substr(comma + 1));
  return text.ends_with("ms") && is_number(text.substr(0, text.size() - 2));
}

void check_own(const Checker& checker, const TrainConfig& config) {
  checker.within("glossa.surface", [&] { check_surface(config.surface); });
  checker.at_least("glossa.lora.rank", config.lora.rank, 0);
  if (config.lora.alpha && !(*config.lora.alpha > 0))
    checker.fail("glossa.lora.alpha is {} (expected a number above 0)", *config.lora.alpha);
  if (config.lora.rank > 0 && (config.from_scratch || config.new_model.is_wanted())) {
    checker.fail("glossa.lora.rank is {} with a model from scratch (expected a base that factors can change)",
                 config.lora.rank);
  }
  const LearningRateScales& scales = config.learning_rate_scales;
  checker.at_least("glossa.learning_rate_scales.encoder", scales.encoder, 0);
  checker.at_least("glossa.learning_rate_scales.prompt_kernel", scales.prompt_kernel, 0);
  checker.at_least("glossa.learning_rate_scales.decoder", scales.decoder, 0);
  checker.at_least("glossa.learning_rate_scales.joint", scales.joint, 0);
  checker.share("glossa.replay.share", config.replay.share);
  checker.weights("glossa.replay.manifests", config.replay.manifests);
  if (!config.replay.manifests.empty() && !(config.replay.share > 0 && config.replay.share < 1)) {
    checker.fail("glossa.replay.share is {} with manifests to replay (expected above 0 and below 1)",
                 config.replay.share);
  }
  checker.share("glossa.join.share", config.join.share);
  checker.at_least("glossa.join.most", config.join.most, 2);
  const auto [shortest, longest] = config.join.pause;
  if (config.join.share > 0 && !(shortest < config.train_ds.max_duration)) {
    checker.fail("glossa.join.pause begins at {} s, but model.train_ds.max_duration is {}: nothing fits",
                 shortest, config.train_ds.max_duration);
  }
  if (!(shortest >= 0 && shortest <= longest && std::isfinite(longest))) {
    checker.fail("glossa.join.pause is [{}, {}] (expected seconds, the least and the most)", shortest,
                 longest);
  }
  if (config.validation.latencies.empty()) {
    checker.fail("glossa.validation.latencies is empty (expected such as [320ms])");
  }
  for (const auto& latency : config.validation.latencies) {
    if (!is_latency(latency)) {
      checker.fail("glossa.validation.latencies has '{}' (expected a chunk's length such as 320ms, or L,R)",
                   printable(latency));
    }
  }
  checker.at_least("glossa.validation.patience", config.validation.patience, 0);
  if (config.validation.max_utterances) {
    checker.at_least("glossa.validation.max_utterances", *config.validation.max_utterances, 1);
  }
  checker.at_least("glossa.threads", config.threads, 0);
  checker.at_least("glossa.rehearsal_steps", config.rehearsal_steps, 0);
  checker.at_least("glossa.batch_shares", config.batch_shares, 0);
  checker.at_least("glossa.average_best", config.average_best, 1);
  checker.at_least("exp_manager.checkpoint_callback_params.save_top_k", config.experiment.save_top_k, 1);
  if (config.average_best > config.experiment.save_top_k) {
    checker.fail("glossa.average_best is {} but exp_manager.checkpoint_callback_params.save_top_k keeps {}",
                 config.average_best, config.experiment.save_top_k);
  }
  if (config.experiment.every_n_train_steps) {
    checker.at_least("exp_manager.checkpoint_callback_params.every_n_train_steps",
                     static_cast<double>(*config.experiment.every_n_train_steps), 1);
  }
  checker.share("glossa.base_share", config.base_share);
  checker.at_least("glossa.max_skipped_steps", config.max_skipped_steps, 1);
}

void check_base(const Checker& checker, const TrainConfig& config) {
  const NewModelConfig& made = config.new_model;
  if (made.config.empty() != made.tokenizer.empty()) {
    checker.fail("glossa.new_model.{} is missing (expected both config and tokenizer, or neither)",
                 made.config.empty() ? "config" : "tokenizer");
  }
  if (made.is_wanted() && !config.init_from_nemo_model.empty())
    checker.fail("both init_from_nemo_model and glossa.new_model (expected one: a model begins as either)");
  if (!made.is_wanted() && config.init_from_nemo_model.empty()) {
    checker.fail("init_from_nemo_model is missing (expected the base model's .nemo file)");
  }
}

}  // namespace

void check(const TrainConfig& config, const std::string& source) {
  const Checker checker(source);
  check_base(checker, config);
  check_steps(checker, config);
  if (!config.train_ds.has_source()) {
    checker.fail("model.train_ds has no data (expected manifest_filepath, shar_path or input_cfg)");
  }
  check_dataset(checker, config.train_ds);
  check_validation(checker, config.validation_ds);
  if (!config.train_ds.batch_size && !config.train_ds.batch_duration) {
    checker.fail("model.train_ds has neither batch_size nor batch_duration (expected one of them)");
  }
  check_model(checker, config);
  check_own(checker, config);
}

}  // namespace glossa::train
