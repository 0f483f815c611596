#include "train/train_recipe.h"

#include <algorithm>

#include "base/fail.h"

namespace glossa::train {
namespace {

std::vector<WeightedPath> paths_of(const std::vector<std::string>& paths) {
  std::vector<WeightedPath> result;
  for (const auto& path : paths) result.push_back({path, {}});
  return result;
}

}  // namespace

TrainConfig recipe(const RecipeOptions& options) {
  if (options.steps < 1)
    fail_invalid_argument("steps is {} (expected 1 or more optimizer steps)", options.steps);
  TrainConfig config;
  config.init_from_nemo_model = options.base;
  config.train_ds.manifest_filepath = paths_of(options.data);
  config.train_ds.default_lang = options.lang;
  config.validation_ds.manifest_filepath = paths_of(options.validation);
  config.validation_ds.default_lang = options.lang;

  // Seconds of sound per step: published runs that moved a language took 100 to 400; 200 fits 24 GB.
  config.train_ds.batch_duration = 200;
  // Attention costs the square of the length: without this, batches of long cuts need more memory than
  // others.
  config.train_ds.quadratic_duration = 15;
  config.train_ds.min_duration = 0.1;
  config.train_ds.max_duration = 20;  // what the model was trained with

  // Every plain full fine-tune that worked peaks near 1e-4 to 2e-4. Predictor and joint learn a language's
  // words and take the whole rate; the encoder knows speech already and forgets other languages at rates ten
  // times lower than theirs last; the prompt kernel lies between.
  config.optim.lr = 2e-4;
  config.learning_rate_scales = {.encoder = 0.1, .prompt_kernel = 0.25, .decoder = 1, .joint = 1};
  config.optim.betas = {0.9, 0.98};
  config.optim.weight_decay = 1e-3;
  config.trainer.gradient_clip_val = 1;
  // 5 % of warm-up, so that AdamW's moments are known before the rate is full, then a cosine, so that the
  // last validations differ little and can be averaged.
  config.optim.sched = {.kind = ScheduleKind::kCosineAnnealing,
                        .warmup_ratio = 0.05,
                        .min_lr = 1e-6,
                        .max_steps = options.steps};
  // The subsampling hears sound, not languages; nobody's fine-tune gained by moving it.
  config.surface = "full";
  config.freeze_subsampling = true;
  // Factors begin at nothing, and move far less than their matrices would at the same rate.
  config.lora.rank = options.lora_rank.value_or(0);
  if (config.lora.rank > 0) config.learning_rate_scales.encoder = 1;

  // All that was drawn at random must learn, at the whole rate, and for long before a word is right.
  if (options.from_scratch) {
    config.from_scratch = true;
    config.freeze_subsampling = false;
    config.learning_rate_scales = {};
  }

  // All five look-aheads, one per batch: the model stays usable at every latency.
  config.att_context_size = {{56, 13}, {56, 6}, {56, 3}, {56, 1}, {56, 0}};
  config.fastemit_lambda = 5e-3;  // as the base model: without it labels come later from step to step

  // The prompt is the language in half of the cuts, "auto" in the others, so that both keep working; the tag
  // behind each sentence is what "auto" learns from, what the base model writes, and where a stream settles.
  config.train_ds.default_prompt_mode = "unified";
  config.train_ds.unified_auto_ratio = 0.5;
  config.append_lang_tag = AppendLangTag::kSentence;

  // Fine-tunes with a tenth of other languages forgot some of them; a fifth held them.
  config.replay.manifests = paths_of(options.replay);
  config.replay.share = 0.2;

  // Mixed precision where the device has it; the loss is computed in f32 all the same.
  config.trainer.precision = Precision::kBF16Mixed;

  // Twenty validations or every 500 steps: the best model is often not the last, and a run can collapse
  // suddenly.
  config.trainer.max_steps = options.steps;
  config.trainer.val_check_interval = std::clamp<std::int64_t>(options.steps / 20, 1, 500);
  config.trainer.log_every_n_steps = static_cast<int>(std::min<std::int64_t>(10, options.steps));
  config.validation.patience = options.from_scratch ? 0 : 5;
  config.experiment.save_top_k = 5;
  config.average_best = 5;
  return config;
}

}  // namespace glossa::train
