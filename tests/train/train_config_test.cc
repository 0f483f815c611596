// Oracles: NeMo's YAML and OmegaConf's override grammar as documented; round trips; the recipe's published
// values.
#include "train/train_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <yaml-cpp/yaml.h>

#include <fstream>
#include <sstream>

#include "glossa/error.hpp"
#include "support/message_of.h"
#include "train/train_config_fields.h"
#include "train/train_recipe.h"

namespace glossa::train {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr const char* kSmallest = R"(
init_from_nemo_model: base.nemo
model:
  train_ds: {manifest_filepath: train.jsonl, batch_size: 4}
trainer: {max_steps: 100, val_check_interval: 50}
)";

TrainConfig parse(const std::vector<std::string>& overrides = {}, const std::string& yaml = kSmallest) {
  return parse_train_config(yaml, "test.yaml", overrides).config;
}

std::vector<std::string> warnings(const std::vector<std::string>& overrides,
                                  const std::string& yaml = kSmallest) {
  return parse_train_config(yaml, "test.yaml", overrides).warnings;
}

std::string error(const std::vector<std::string>& overrides, const std::string& yaml = kSmallest) {
  return testing::message_of([&] { parse_train_config(yaml, "test.yaml", overrides); });
}

TEST(TrainConfig, TheSmallestIsEnough) {
  const TrainConfig config = parse();
  EXPECT_EQ(config.init_from_nemo_model, "base.nemo");
  EXPECT_THAT(config.train_ds.manifest_filepath, ElementsAre(WeightedPath{"train.jsonl", {}}));
  EXPECT_EQ(config.train_ds.batch_size, 4);
  EXPECT_EQ(config.optim.sched.kind, ScheduleKind::kConstant);
  EXPECT_THAT(warnings({}), IsEmpty());
}

// The fine-tuning YAML of NeMo's examples, with the overrides of NVIDIA's recipe.
TEST(TrainConfig, ReadsNeMosFineTuningFile) {
  const char* yaml = R"(
name: "Speech_To_Text_Finetuning"
init_from_nemo_model: null
model:
  sample_rate: 16000
  compute_eval_loss: true
  log_prediction: true
  rnnt_reduction: 'mean_batch'
  skip_nan_grad: false
  train_ds:
    manifest_filepath: ???
    sample_rate: ${model.sample_rate}
    batch_size: 16
    shuffle: true
    num_workers: 8
    pin_memory: true
    max_duration: 20
    min_duration: 0.1
    is_tarred: false
    tarred_audio_filepaths: null
    shuffle_n: 2048
    bucketing_strategy: "fully_randomized"
    bucketing_batch_size: null
  validation_ds:
    manifest_filepath: ???
    sample_rate: ${model.sample_rate}
    batch_size: 16
    shuffle: false
    use_start_end_token: false
    num_workers: 8
    pin_memory: true
  char_labels: {update_labels: false, labels: null}
  tokenizer: {update_tokenizer: false, dir: null, type: bpe}
  spec_augment: {_target_: nemo.collections.asr.modules.SpectrogramAugmentation, freq_masks: 2, time_masks: 10, freq_width: 27, time_width: 0.05}
  optim:
    name: adamw
    lr: 1e-4
    betas: [0.9, 0.98]
    weight_decay: 1e-3
    sched:
      name: CosineAnnealing
      d_model: ${model.encoder.d_model}
      warmup_steps: 5000
      warmup_ratio: null
      min_lr: 5e-6
trainer:
  devices: -1
  num_nodes: 1
  max_epochs: 50
  max_steps: -1
  val_check_interval: 1.0
  accelerator: auto
  strategy: {_target_: lightning.pytorch.strategies.DDPStrategy, gradient_as_bucket_view: true}
  accumulate_grad_batches: 1
  gradient_clip_val: 0.0
  precision: 32
  log_every_n_steps: 10
  enable_progress_bar: True
  num_sanity_val_steps: 0
  check_val_every_n_epoch: 1
  sync_batchnorm: true
  enable_checkpointing: False
  logger: false
  benchmark: false
exp_manager:
  exp_dir: null
  name: ${name}
  create_tensorboard_logger: true
  create_checkpoint_callback: true
  checkpoint_callback_params: {monitor: "val_wer", mode: "min", save_top_k: 5, always_save_nemo: True}
  resume_if_exists: false
  resume_ignore_no_checkpoint: false
  create_wandb_logger: false
  wandb_logger_kwargs: {name: null, project: null}
)";
  const std::vector<std::string> overrides = {
      "init_from_nemo_model=/m/base.nemo",
      "model.train_ds.manifest_filepath=[[/d/a.json,0.7],[/d/b.json,0.3]]",
      "model.validation_ds.manifest_filepath=/d/dev.json",
      "++model.train_ds.lang_field=target_lang",
      "trainer.max_steps=20000",
      "model.optim.sched.max_steps=20000",
      "model.optim.sched.warmup_steps=1000",
      "trainer.max_epochs=-1",
      "trainer.precision=bf16-mixed",
      "trainer.val_check_interval=2000",
      "~trainer.check_val_every_n_epoch"};
  const TrainConfig config = parse(overrides, yaml);
  EXPECT_EQ(config.init_from_nemo_model, "/m/base.nemo");
  EXPECT_THAT(config.train_ds.manifest_filepath,
              ElementsAre(WeightedPath{"/d/a.json", 0.7}, WeightedPath{"/d/b.json", 0.3}));
  EXPECT_EQ(config.optim.lr, 1e-4);
  EXPECT_EQ(config.optim.sched.kind, ScheduleKind::kCosineAnnealing);
  EXPECT_EQ(config.optim.sched.warmup_steps, 1000);
  EXPECT_EQ(config.optim.sched.min_lr, 5e-6);
  EXPECT_EQ(config.optim.sched.d_model, std::nullopt);  // ${model.encoder.d_model}: the base model's
  EXPECT_EQ(config.trainer.precision, Precision::kBF16Mixed);
  EXPECT_EQ(config.trainer.val_check_interval, 2000);
  EXPECT_EQ(config.experiment.name, "Speech_To_Text_Finetuning");
  EXPECT_EQ(config.experiment.save_top_k, 5);
  const auto told = warnings(overrides, yaml);
  const std::string all = ::testing::PrintToString(told);
  for (const char* key : {"trainer.max_epochs", "model.tokenizer", "model.encoder.d_model"}) {
    EXPECT_THAT(all, HasSubstr(key));
  }
  EXPECT_THAT(all, ::testing::Not(HasSubstr("pin_memory")));
}

TEST(TrainConfig, OverridesAreOmegaConfs) {
  EXPECT_EQ(parse({"model.optim.lr=1e-5"}).optim.lr, 1e-5);
  EXPECT_EQ(parse({"+model.optim.eps=1e-6", "++trainer.max_steps=7", "trainer.val_check_interval=7"})
                .trainer.max_steps,
            7);
  EXPECT_EQ(parse({"model.optim.betas=[0.8,0.9]"}).optim.betas, (std::array<double, 2>{0.8, 0.9}));
  EXPECT_EQ(parse({"model.spec_augment={time_masks:3,time_width:12}"}).spec_augment.time_width,
            (TimeWidth{12, false}));
  EXPECT_EQ(parse({"model.train_ds.batch_size=null", "model.train_ds.batch_duration=60"}).train_ds.batch_size,
            std::nullopt);
  EXPECT_EQ(parse({"exp_manager.name='a b: c'"}).experiment.name, "a b: c");
  EXPECT_EQ(parse({"exp_manager.name=a=b"}).experiment.name, "a=b");
  EXPECT_EQ(parse({"trainer.log_every_n_steps=7", "~trainer.log_every_n_steps"}).trainer.log_every_n_steps,
            50);
  EXPECT_EQ(parse({"model.encoder.att_context_size=[56,3]"}).att_context_size,
            (std::vector<AttContext>{{56, 3}}));
  EXPECT_EQ(parse({"model.encoder.att_context_size=[[56,3],[56,0]]"}).att_context_size.size(), 2U);
  EXPECT_EQ(parse({"model.train_ds.manifest_filepath=m__OP_0..3_CL_.json",
                   "model.train_ds.tarred_audio_filepaths=a__OP_0..3_CL_.tar"})
                .train_ds.tarred_audio_filepaths[0]
                .path,
            "a__OP_0..3_CL_.tar");
  for (const char* bad : {"novalue", "=3", "a..b=3", "~", "trainer.max_steps.x=1", "model.optim.betas=[1"}) {
    EXPECT_THAT(error({bad}), ::testing::AnyOf(HasSubstr("override"), HasSubstr("cannot set"))) << bad;
  }
}

// NeMo: a section that is null does not exist.
TEST(TrainConfig, SectionsMayBeNull) {
  const TrainConfig config = parse({"model.spec_augment=null", "model.optim.sched=null"});
  EXPECT_EQ(config.spec_augment.time_masks, 0);
  EXPECT_EQ(config.spec_augment.freq_masks, 0);
  EXPECT_EQ(config.optim.sched.kind, ScheduleKind::kConstant);
  EXPECT_EQ(parse().spec_augment.time_masks, 10);
}

TEST(TrainConfig, FollowsReferences) {
  EXPECT_EQ(
      parse({"model.optim.sched.name=CosineAnnealing", "model.optim.sched.max_steps=${trainer.max_steps}"})
          .optim.sched.max_steps,
      100);
  EXPECT_EQ(parse({"name=run", "exp_manager.name=${name}-${trainer.max_steps}"}).experiment.name, "run-100");
  EXPECT_THAT(error({"exp_manager.name=${oc.env:HOME}"}), HasSubstr("plain references"));
  EXPECT_THAT(error({"exp_manager.name=${exp_manager.version}", "exp_manager.version=${exp_manager.name}"}),
              HasSubstr("circle"));
  EXPECT_THAT(warnings({"model.optim.sched.d_model=${model.encoder.d_model}"}),
              ElementsAre(HasSubstr("${model.encoder.d_model}")));
}

TEST(TrainConfig, TheBaseModelMayBeADictionary) {
  EXPECT_EQ(parse({"init_from_nemo_model={asr: {path: other.nemo}}"}).init_from_nemo_model, "other.nemo");
  EXPECT_THAT(error({"init_from_nemo_model={asr: {path: other.nemo, exclude: [joint]}}"}),
              HasSubstr("exclude"));
}

TEST(TrainConfig, MisspeltKeysNameTheNearest) {
  EXPECT_THAT(error({"model.optim.learning_rate=1"}), HasSubstr("model.optim.learning_rate is no key"));
  EXPECT_THAT(error({"model.optim.weigth_decay=1"}), HasSubstr("nearest: model.optim.weight_decay"));
  EXPECT_THAT(error({"model.train_ds.manifest_filepaths=x"}),
              HasSubstr("nearest: model.train_ds.manifest_filepath)"));
  EXPECT_THAT(error({"trainer.max_step=1"}), HasSubstr("nearest: trainer.max_steps"));
  EXPECT_THAT(error({"exp_manger.name=x"}), HasSubstr("exp_manger"));
  EXPECT_THAT(error({"glossa.surfaces=full"}), HasSubstr("nearest: glossa.surface"));
  EXPECT_THAT(error({"trainer.acelerator=gpu"}), HasSubstr("nearest: trainer.accelerator"));
}

TEST(TrainConfig, UnusedKeysAreWarnings) {
  EXPECT_THAT(warnings({"trainer.max_epochs=-1", "model.decoding.strategy=greedy"}),
              ElementsAre(HasSubstr("trainer.max_epochs"), HasSubstr("model.decoding")));
  EXPECT_THAT(warnings({"model.train_ds.use_lhotse=true", "model.joint.fused_batch_size=4"}), IsEmpty());
}

TEST(TrainConfig, ValuesOfTheWrongKindAreErrors) {
  const std::pair<const char*, const char*> cases[] = {
      {"trainer.max_steps=many", "a whole number"},
      {"trainer.max_steps=1.5", "a whole number"},
      {"trainer.max_steps=1e30", "a whole number"},
      {"model.optim.lr=fast", "a number"},
      {"model.optim.lr=.nan", "a number"},
      {"model.optim.betas=0.9", "two numbers"},
      {"model.optim.name=sgd", "expected adamw"},
      {"model.optim.sched.name=Cosine", "CosineAnnealing"},
      {"trainer.precision=16", "bf16-mixed"},
      {"model.train_ds.shuffle=maybe", "true or false"},
      {"model.encoder.att_context_size=56", "[left, right]"},
      {"exp_manager.checkpoint_callback_params.monitor=val_loss", "val_wer"},
      {"glossa.append_lang_tag=word", "none, utterance or sentence"},
      {"model.optim=adamw", "model.optim is no key"},
  };
  for (const auto& [text, expected] : cases) EXPECT_THAT(error({text}), HasSubstr(expected)) << text;
  EXPECT_THAT(error({}, "[1, 2]"), HasSubstr("YAML mapping"));
  EXPECT_THAT(error({}, "a: [1"), HasSubstr("not YAML"));
}

TEST(TrainConfig, ContradictionsAreErrors) {
  const std::pair<std::vector<std::string>, const char*> cases[] = {
      {{"~trainer.max_steps"}, "trainer.max_steps is 0"},
      {{"~init_from_nemo_model"}, "init_from_nemo_model is missing"},
      {{"~model.train_ds.manifest_filepath"}, "no data"},
      {{"~model.train_ds.batch_size"}, "neither batch_size nor batch_duration"},
      {{"trainer.val_check_interval=101"}, "val_check_interval is 101"},
      {{"trainer.val_check_interval=0.5"}, "limit_train_batches"},
      {{"model.optim.sched.name=CosineAnnealing", "model.optim.sched.warmup_steps=101"}, "warm-up"},
      {{"model.optim.sched.name=CosineAnnealing", "model.optim.sched.warmup_steps=1",
        "model.optim.sched.warmup_ratio=0.1"},
       "one of them"},
      {{"model.optim.sched.name=CosineAnnealing", "model.optim.sched.min_lr=1"}, "min_lr"},
      {{"model.optim.lr=0"}, "optim.lr"},
      {{"glossa.surface=most"}, "top-K"},
      {{"glossa.lora.rank=-1"}, "glossa.lora.rank is -1"},
      {{"glossa.lora.alpha=0"}, "glossa.lora.alpha is 0"},
      {{"glossa.lora.rank=8", "glossa.from_scratch=true"}, "from scratch"},
      {{"glossa.replay.manifests=[r.jsonl]", "glossa.replay.share=1"}, "share"},
      {{"glossa.join.share=2"}, "glossa.join.share"},
      {{"glossa.join.most=1"}, "glossa.join.most"},
      {{"glossa.join.share=0.1", "glossa.join.pause=[9, 9]", "model.train_ds.max_duration=9"},
       "nothing fits"},
      {{"glossa.join.pause=[2, 1]"}, "glossa.join.pause"},
      {{"model.train_ds.manifest_filepath=[[a,1],b]"}, "all or none"},
      {{"model.train_ds.input_cfg=mix.yaml"}, "several of"},
      {{"model.train_ds.tarred_audio_filepaths=[a,b]"}, "as many"},
      {{"model.train_ds.min_duration=5", "model.train_ds.max_duration=2"}, "min below max"},
      {{"model.encoder.att_context_probs=[0.5,0.5]"}, "att_context_probs"},
      {{"model.encoder.att_context_size=[[56,4]]"}, "multiple"},
      {{"model.encoder.dropout=1"}, "below 1"},
      {{"glossa.average_best=9"}, "save_top_k"},
      {{"glossa.validation.latencies=[fast]"}, "320ms"},
      {{"glossa.validation.latencies=[56,3]"}, "L,R"},  // two, and neither is one
      {{"model.train_ds.default_prompt_mode=lang"}, "unified"},
      {{"model.train_ds.noise_snr=[20,10]"}, "noise_snr"},
  };
  for (const auto& [overrides, expected] : cases) {
    EXPECT_THAT(error(overrides), HasSubstr(expected)) << ::testing::PrintToString(overrides);
  }
}

// Lightning's 0.5 of an epoch of 1000 batches, four batches a step.
TEST(TrainConfig, AFractionOfAnEpochBecomesSteps) {
  const TrainConfig config = parse({"trainer.val_check_interval=0.5", "trainer.limit_train_batches=1000",
                                    "trainer.accumulate_grad_batches=4", "trainer.max_steps=500"});
  EXPECT_EQ(config.trainer.val_check_interval, 125);
}

TEST(TrainConfig, KeepsAMixture) {
  const TrainConfig config = parse({"~model.train_ds.manifest_filepath",
                                    "model.train_ds.input_cfg=[{type: nemo, manifest_filepath: 'a b.json', "
                                    "weight: 0.5, tags: {lang: 'no'}}]"});
  EXPECT_EQ(config.train_ds.input_cfg.text,
            R"([{type: nemo, manifest_filepath: "a b.json", weight: 0.5, tags: {lang: "no"}}])");
  EXPECT_EQ(parse({}, to_yaml(config)), config);
}

TEST(TrainConfig, TheEffectiveConfigurationIsReadBack) {
  TrainConfig config = parse();
  EXPECT_EQ(parse({}, to_yaml(config)), config) << to_yaml(config);
  EXPECT_THAT(warnings({}, to_yaml(config)), IsEmpty());
  // Values that YAML could misread.
  config.experiment.name = "no";
  config.experiment.version = "12";
  config.experiment.exp_dir = "a: b \"c\" # d \t ü";
  config.train_ds.default_lang = "null";
  config.train_ds.manifest_filepath = {{"x, y.json", 0.1}, {"[z]", 1.0 / 3}};
  config.optim.lr = 0.1 + 0.2;
  config.optim.sched = {
      .kind = ScheduleKind::kNoamAnnealing, .warmup_steps = 7, .min_lr = 1e-300, .d_model = 64};
  config.spec_augment.time_width = {1, true};
  config.att_context_size = {{56, 3}, {70, 0}};
  config.att_context_probs = {0.25, 0.75};
  config.seed = 0xFFFFFFFFFFFFFFFF;
  config.append_lang_tag = AppendLangTag::kSentence;
  config.lora = {.rank = 8, .alpha = 3.5};
  config.validation.max_utterances = 3;
  EXPECT_EQ(parse({}, to_yaml(config)), config) << to_yaml(config);
  config.spec_augment.time_width = {7, false};
  config.att_context_size = {{56, 3}};
  config.att_context_probs = {};
  EXPECT_EQ(parse({}, to_yaml(config)), config) << to_yaml(config);
}

TEST(TrainConfig, TheRecipeIsAGoodConfiguration) {
  const TrainConfig config = recipe({.base = "base.nemo",
                                     .data = {"train.jsonl"},
                                     .validation = {"dev.jsonl"},
                                     .lang = "el-GR",
                                     .replay = {"other.jsonl"},
                                     .steps = 6000});
  EXPECT_NO_THROW(check(config, "options"));
  EXPECT_EQ(parse({}, to_yaml(config)), config);
  EXPECT_EQ(config.trainer.val_check_interval, 300);
  EXPECT_DOUBLE_EQ(config.optim.lr * config.learning_rate_scales.encoder, 2e-5);
  EXPECT_DOUBLE_EQ(config.optim.lr * config.learning_rate_scales.prompt_kernel, 5e-5);
  for (const std::int64_t steps : {1, 7, 100'000}) {
    EXPECT_NO_THROW(check(recipe({.base = "b", .data = {"t"}, .steps = steps}), "options")) << steps;
  }
  EXPECT_THROW(recipe({.base = "b", .data = {"t"}, .steps = 0}), Error);
  EXPECT_THAT(warnings({"glossa.lora.rank=8", "glossa.learning_rate_scales.encoder=0.1"}),
              ElementsAre(HasSubstr("want the whole rate")));
  const TrainConfig fresh = recipe({.base = "b", .data = {"t"}, .steps = 10, .from_scratch = true});
  EXPECT_TRUE(fresh.from_scratch);
  EXPECT_FALSE(fresh.freeze_subsampling) << "it would stay as it was drawn";
  EXPECT_EQ(fresh.learning_rate_scales, LearningRateScales());
  EXPECT_EQ(fresh.validation.patience, 0);
  const TrainConfig factors = recipe({.base = "b", .data = {"t"}, .steps = 10, .lora_rank = 16});
  EXPECT_EQ(factors.lora.rank, 16);
  EXPECT_DOUBLE_EQ(factors.learning_rate_scales.encoder, 1);
}

// The example gives what the recipe gives, but for names and seeds, and says every key.
TEST(TrainConfig, TheExampleIsComplete) {
  std::ifstream file(GLOSSA_EXAMPLES "/finetune.yaml");
  std::ostringstream text;
  text << file.rdbuf();
  const auto parsed = parse_train_config(text.str(), "finetune.yaml", {});
  EXPECT_THAT(parsed.warnings, IsEmpty());
  TrainConfig expected = recipe({.base = "nemotron-3.5-asr-streaming-0.6b.nemo",
                                 .data = {"data/train.jsonl"},
                                 .validation = {"data/dev.jsonl"},
                                 .lang = "el-GR",
                                 .replay = {"data/replay.jsonl"},
                                 .steps = 6000});
  expected.experiment.name = "greek";
  expected.att_context_probs = {0.2, 0.2, 0.2, 0.2, 0.2};
  expected.validation.latencies = {"320ms", "80ms"};
  expected.validation.probe_manifests = {{"data/probe.jsonl", {}}};
  EXPECT_EQ(to_yaml(parsed.config), to_yaml(expected));

  const YAML::Node root = YAML::Load(text.str());
  const auto is_there = [&](const std::string& key, const auto& /*member*/) {
    YAML::Node node = root;
    std::istringstream parts(key);
    for (std::string part; std::getline(parts, part, '.');) {
      const YAML::Node below = node.IsMap() ? node[part] : YAML::Node(YAML::NodeType::Undefined);
      ASSERT_TRUE(below.IsDefined()) << key;
      node.reset(below);
    }
  };
  visit_fields(expected, is_there);
}

}  // namespace
}  // namespace glossa::train
