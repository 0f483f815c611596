// Everything a training run is told, under NeMo's names where NeMo has one. Read from NeMo's YAML with
// overrides in OmegaConf's style, or made from a handful of options (train_recipe.h). Rules and defaults:
// docs/training.md.
#pragma once

#include <array>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "glossa/types.hpp"
#include "train/augment/spec_augment.h"
#include "train/augment/waveform.h"
#include "train/optim/parameter_groups.h"
#include "train/optim/schedule.h"
#include "train/targets.h"

namespace glossa::train {

// "path" or ["path", weight] of a manifest_filepath list.
struct WeightedPath {
  std::string path;
  std::optional<double> weight;  // all of a list have one, or none

  bool operator==(const WeightedPath&) const = default;
};

// A YAML list as text in flow style, or the path of a file that holds one; empty: none.
struct YamlText {
  std::string text;

  bool operator==(const YamlText&) const = default;
};

// model.train_ds. Exactly one of the first three kinds of source.
struct DatasetConfig {
  std::vector<WeightedPath> manifest_filepath;
  std::vector<WeightedPath>
      tarred_audio_filepaths;  // one for each manifest; empty: the manifests name sound files
  std::vector<WeightedPath> shar_path;
  YamlText input_cfg;
  std::optional<int> batch_size;
  std::optional<double> batch_duration;      // seconds
  std::optional<double> quadratic_duration;  // seconds
  bool use_bucketing = true;
  int num_buckets = 30;
  std::vector<double> bucket_duration_bins;
  int bucket_buffer_size = 10000;
  double min_duration = 0;  // seconds
  double max_duration = std::numeric_limits<double>::infinity();
  bool shuffle = false;
  int num_workers = 2;  // threads that read sound
  std::string text_field = "text";
  std::string lang_field = "target_lang";
  std::string default_lang;                     // of cuts without one
  std::string default_prompt_mode = "unified";  // langID, auto or unified
  double unified_auto_ratio = 0.5;
  bool skip_missing_manifest_entries = false;
  std::vector<WeightedPath> noise_path;  // manifests of noise to mix in

  bool has_source() const {
    return !manifest_filepath.empty() || !shar_path.empty() || !input_cfg.text.empty();
  }
  bool operator==(const DatasetConfig&) const = default;
};

// model.validation_ds: recordings that the serving engine streams, each whole.
struct ValidationDatasetConfig {
  std::vector<WeightedPath> manifest_filepath;  // of sound files; the weights are of no use here
  std::string text_field = "text";              // of the probes' manifests, too, as lang_field
  std::string lang_field = "target_lang";
  std::string default_lang;                    // of entries without one; empty: "auto"
  std::string default_prompt_mode = "langID";  // auto: the language is never told; unified: as langID

  bool operator==(const ValidationDatasetConfig&) const = default;
};

struct OptimConfig {
  double lr = 1e-4;
  std::array<double, 2> betas = {0.9, 0.98};
  double eps = 1e-8;
  double weight_decay = 1e-3;
  ScheduleConfig sched = {.kind = ScheduleKind::kConstant};  // as in NeMo when there is none

  bool operator==(const OptimConfig&) const = default;
};

// model.encoder, decoder.prednet and joint.jointnet: what of them may differ from the checkpoint.
struct RegularisationConfig {
  double dropout = 0.1;
  double dropout_pre_encoder = 0.1;
  double dropout_emb = 0.0;
  double dropout_att = 0.1;
  double prednet_dropout = 0.2;
  double jointnet_dropout = 0.2;

  bool operator==(const RegularisationConfig&) const = default;
};

enum class Precision { kF32, kBF16Mixed };     // "32" and "bf16-mixed"
enum class Accelerator { kAuto, kCpu, kGpu };  // "auto": a GPU where there is one

struct TrainerConfig {
  std::int64_t max_steps = 0;  // optimizer steps
  Accelerator accelerator = Accelerator::kAuto;
  Precision precision = Precision::kF32;
  double gradient_clip_val = 0;  // global norm; 0: off
  int accumulate_grad_batches = 1;
  int devices = -1;  // of a node; -1: all
  int num_nodes = 1;
  std::int64_t val_check_interval = 0;  // optimizer steps; parsed configurations have at least 1
  int log_every_n_steps = 50;

  bool operator==(const TrainerConfig&) const = default;
};

// exp_manager: <exp_dir>/<name>/<version>.
struct ExperimentConfig {
  std::string exp_dir = "nemo_experiments";
  std::string name = "default";
  std::string version;  // empty: date and time
  bool resume_if_exists = false;
  bool create_tensorboard_logger = true;
  int save_top_k = 3;                               // by val_wer
  bool always_save_nemo = false;                    // NeMo's; here the checkpoints are .nemo files anyway
  std::optional<std::int64_t> every_n_train_steps;  // resumable checkpoints between validations

  bool operator==(const ExperimentConfig&) const = default;
};

// glossa.replay: other languages mixed in so that they are not forgotten.
struct ReplayConfig {
  std::vector<WeightedPath> manifests;
  double share = 0.2;  // of all cuts drawn; counts only with manifests

  bool operator==(const ReplayConfig&) const = default;
};

// glossa.join: several utterances of a language in one, with silence between them.
struct JoinConfig {
  double share = 0;                        // of the utterances of a batch; 0: none
  int most = 3;                            // utterances in one
  std::array<double, 2> pause = {0.2, 4};  // seconds before each, least and most

  bool operator==(const JoinConfig&) const = default;
};

// glossa.lora: of the encoder's matrices, thin factors beside them are all that moves.
struct LoraConfig {
  int rank = 0;                 // 0: none
  std::optional<double> alpha;  // none: twice the rank

  bool operator==(const LoraConfig&) const = default;
};

// glossa.new_model: instead of a base model.
struct NewModelConfig {
  std::string config;     // NeMo's model_config.yaml: the geometry
  std::string tokenizer;  // SentencePiece model

  bool is_wanted() const { return !config.empty(); }
  bool operator==(const NewModelConfig&) const = default;
};

// glossa.validation.
struct ValidationConfig {
  std::vector<std::string> latencies = {"320ms"};  // at which the engine streams; the first decides
  std::vector<WeightedPath> probe_manifests;       // languages that are not trained
  int patience = 0;                   // validations without a better one that end the run; 0: never
  std::optional<int> max_utterances;  // of each set

  bool operator==(const ValidationConfig&) const = default;
};

struct TrainConfig {
  std::string init_from_nemo_model;
  DatasetConfig train_ds = {.shuffle = true};
  ValidationDatasetConfig validation_ds;
  OptimConfig optim;
  SpecAugmentConfig spec_augment;
  WaveformConfig waveform;
  RegularisationConfig regularisation;
  std::vector<AttContext> att_context_size;  // one is drawn per batch; empty: the checkpoint's list
  std::vector<double> att_context_probs;     // of att_context_size; empty: equal
  double fastemit_lambda = 0;                // model.loss.warprnnt_numba_kwargs
  double clamp = -1;                         // of the loss's gradient; 0 or less: off
  double frame_label_weight = 0;  // glossa: of a classifier of frames, for cuts with frame_labels; 0: none
  double ctc_loss_weight = 0;     // model.aux_ctc: of an auxiliary CTC head; 0: none
  double dither = 1e-5;           // model.preprocessor
  TrainerConfig trainer;
  ExperimentConfig experiment;

  // glossa.*
  bool try_largest_batch = true;  // before step 1, to see that the memory suffices
  int rehearsal_steps = 0;        // on one batch before step 1, to see that it can be learned; 0: none
  NewModelConfig new_model;
  bool from_scratch = false;  // the base gives geometry and tokenizer; weights are drawn from the seed
  std::string surface = "full";
  bool freeze_subsampling = false;
  LoraConfig lora;
  LearningRateScales learning_rate_scales;
  AppendLangTag append_lang_tag = AppendLangTag::kNone;
  std::uint64_t seed = 0;
  int threads = 0;       // 0: one per core
  int batch_shares = 0;  // of a batch, each computed by one thread; 0: as many as threads for small models
  ReplayConfig replay;
  JoinConfig join;
  ValidationConfig validation;
  int average_best = 1;        // checkpoints averaged for the final model
  double base_share = 0;       // of the base model in the final one
  int max_skipped_steps = 20;  // steps in a row without a finite gradient that end the run

  bool operator==(const TrainConfig&) const = default;
};

struct ParsedTrainConfig {
  TrainConfig config;
  std::vector<std::string> warnings;  // one sentence each
};

// `yaml` may be empty. Overrides are applied in order: "a.b=value" ("+a.b=", "++a.b=" are the same), "~a.b"
// takes a key away; values are YAML: numbers, [lists], {maps}, null, or text. ${a.b} in a value is the value
// of that key. Keys that NeMo knows and glossa does not use are warnings. Error kBadInput, naming `source` or
// the override and the key, for a misspelt key (with the nearest known), a value of the wrong kind and for
// contradictions (check()).
ParsedTrainConfig parse_train_config(const std::string& yaml, const std::string& source,
                                     const std::vector<std::string>& overrides = {});

// Error kBadInput, naming the keys, for a run that cannot be meant: no base model or data, no max_steps, a
// warm-up or val_check_interval beyond max_steps, shares above 1, ...
void check(const TrainConfig& config, const std::string& source);

// The effective configuration with all defaults: parse_train_config(to_yaml(c)) gives c.
std::string to_yaml(const TrainConfig& config);

}  // namespace glossa::train
