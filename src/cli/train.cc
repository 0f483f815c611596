// `glossa train`: a configuration file in NeMo's words, or a handful of options.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <vector>

#include "base/fail.h"
#include "base/log.h"
#include "base/printable.h"
#include "cli/commands.h"
#include "cli/option_values.h"
#include "cli/output_writer.h"
#include "cli/train_command.h"
#include "cli/training_run.h"
#include "text/json_text.h"
#include "train/train_config.h"
#include "train/train_recipe.h"

namespace glossa::cli {
namespace {

namespace fs = std::filesystem;

constexpr const char* kFooter = R"(Two ways:
  glossa train --base M.nemo --data train.jsonl --validation dev.jsonl --lang el-GR --replay other.jsonl --steps 3000
  glossa train --config finetune.yaml trainer.max_steps=3000 model.optim.lr=5e-5
Options override a file's values, words KEY=VALUE, with NeMo's names, override both; ~KEY takes one away. The
effective configuration is written beside the results: --print-config shows it and does nothing else.
Results go to EXP_DIR/NAME/VERSION: NAME.nemo, report.html, metrics.jsonl, validation.jsonl, checkpoints.
SIGTERM or Ctrl-C saves a checkpoint and ends; --resume goes on from the newest one, exactly.
Several processes: start the same command once per process under torchrun, srun or mpirun, or with RANK, WORLD_SIZE,
MASTER_ADDR and MASTER_PORT set. docs/training.md is the tutorial.)";

struct TrainOptions {
  fs::path config;
  train::RecipeOptions recipe;
  std::vector<std::string> probes;
  std::vector<std::string> latencies;
  std::string surface;
  std::string lr;
  std::string name;
  std::string exp_dir;
  std::string version;
  int threads = 0;
  bool from_scratch = false;
  bool resume = false;
  bool print_config = false;
  bool skip_base_validation = false;
  bool json = false;
  bool quiet = false;
  std::vector<std::string> overrides;
};

std::string read_text(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  if (!file || !(text << file.rdbuf()))
    fail_bad_input("{}: cannot be read (expected a YAML file)", path.string());
  return text.str();
}

// As YAML that is nothing but this text, whatever it holds. JSON's quotes are YAML's.
std::string quoted(const std::string& text) { return text::json_text(nlohmann::json(text)); }

std::string list_of(const std::vector<std::string>& values) {
  std::string list;
  for (const std::string& value : values) list += (list.empty() ? "" : ", ") + quoted(value);
  return "[" + list + "]";
}

// Of a run: it is the name of a folder, and of files in it. Empty when it will do, else what is wrong.
std::string wrong_name(const std::string& name) {
  if (!name.empty() && name != "." && name != ".." && name.find('/') == std::string::npos) return {};
  return fmt::format("is '{}' (expected a folder's name without /)", printable(name));
}

void check_names(const train::ExperimentConfig& experiment) {
  if (const std::string wrong = wrong_name(experiment.name); !wrong.empty())
    fail_bad_input("exp_manager.name {}", wrong);
  if (experiment.version.empty()) return;  // date and time
  if (const std::string wrong = wrong_name(experiment.version); !wrong.empty())
    fail_bad_input("exp_manager.version {}", wrong);
}

// Beside a file, what a recipe is made of overrides the file's values and what would contradict them.
void set_recipe(const train::RecipeOptions& recipe,
                const std::function<void(const char*, const std::string&)>& set) {
  const auto set_list = [&](const char* key, const std::vector<std::string>& values) {
    if (!values.empty()) set(key, list_of(values));
  };
  const auto set_text = [&](const char* key, const std::string& value) {
    if (!value.empty()) set(key, quoted(value));
  };
  set_text("init_from_nemo_model", recipe.base);
  if (!recipe.base.empty()) {
    for (const char* other : {"glossa.new_model.config", "glossa.new_model.tokenizer"}) set(other, "null");
  }
  set_list("model.train_ds.manifest_filepath", recipe.data);
  if (!recipe.data.empty()) {
    for (const char* other : {"tarred_audio_filepaths", "shar_path", "input_cfg"})
      set((std::string("model.train_ds.") + other).c_str(), "null");
  }
  set_list("model.validation_ds.manifest_filepath", recipe.validation);
  set_list("glossa.replay.manifests", recipe.replay);
  set_text("model.train_ds.default_lang", recipe.lang);
  set_text("model.validation_ds.default_lang", recipe.lang);
  if (recipe.lora_rank) set("glossa.lora.rank", fmt::format("{}", *recipe.lora_rank));
  if (recipe.lora_rank.value_or(0) > 0) set("glossa.learning_rate_scales.encoder", "1");
  if (recipe.steps != 0) {
    set("trainer.max_steps", fmt::format("{}", recipe.steps));
    set("model.optim.sched.max_steps", "null");  // follows trainer.max_steps
  }
}

train::ParsedTrainConfig configuration(const TrainOptions& options) {
  std::vector<std::string> overrides;
  const auto set = [&](const char* key, const std::string& value) {
    if (!value.empty()) overrides.push_back(fmt::format("{}={}", key, value));
  };
  const auto set_text = [&](const char* key, const std::string& value) {
    if (!value.empty()) set(key, quoted(value));
  };
  if (!options.config.empty()) set_recipe(options.recipe, set);
  if (!options.probes.empty()) set("glossa.validation.probe_manifests", list_of(options.probes));
  if (!options.latencies.empty()) set("glossa.validation.latencies", list_of(options.latencies));
  set_text("glossa.surface", options.surface);
  set("model.optim.lr", options.lr);
  set_text("exp_manager.name", options.name);
  set_text("exp_manager.exp_dir", options.exp_dir);
  set_text("exp_manager.version", options.version);
  if (options.threads > 0) set("glossa.threads", fmt::format("{}", options.threads));
  if (options.from_scratch) set("glossa.from_scratch", "true");
  if (options.resume) set("exp_manager.resume_if_exists", "true");
  overrides.insert(overrides.end(), options.overrides.begin(), options.overrides.end());
  if (!options.config.empty())
    return train::parse_train_config(read_text(options.config), options.config.string(), overrides);
  train::RecipeOptions recipe = options.recipe;
  recipe.from_scratch = options.from_scratch;
  return train::parse_train_config(train::to_yaml(train::recipe(recipe)), "the options", overrides);
}

int train(const TrainOptions& options) {
  if (options.config.empty() && options.recipe.base.empty() && options.recipe.data.empty()) {
    fail_invalid_argument(
        "nothing to train (expected --config FILE, or --base M.nemo --data MANIFEST --steps N)");
  }
  const train::ParsedTrainConfig parsed = configuration(options);
  check_names(parsed.config.experiment);
  for (const std::string& warning : parsed.warnings) log::warning(warning);
  if (parsed.config.validation_ds.manifest_filepath.empty()) {
    const char* unused = !options.latencies.empty() ? "--latency"
                         : !options.probes.empty()  ? "--probe"
                                                    : nullptr;
    if (unused != nullptr)
      log::warning(
          fmt::format("{} says how to validate, but nothing is validated (expected --validation)", unused));
  }
  if (options.print_config) {
    print_to_stdout(train::to_yaml(parsed.config));
    return kDone;
  }
  std::signal(SIGPIPE, SIG_IGN);  // who reads our messages may leave
  return run_training(
      parsed.config,
      {.quiet = options.quiet, .json = options.json, .validate_base = !options.skip_base_validation});
}

}  // namespace

Command make_train_command(CLI::App& program) {
  const auto options = std::make_shared<TrainOptions>();
  program.footer(kFooter);
  program.add_option("overrides", options->overrides, "KEY=VALUE words, with NeMo's names")->type_name("");
  program.add_option("--config", options->config, "Configuration, NeMo's fine-tuning YAML")
      ->type_name("FILE");
  program.add_option("--base", options->recipe.base, "Checkpoint to begin with, file or folder")
      ->type_name("PATH");
  program.add_option("--data", options->recipe.data, "Manifests to train on; may be given several times")
      ->type_name("FILE")
      ->allow_extra_args(false);
  program
      .add_option("--validation", options->recipe.validation,
                  "Manifests of held-out recordings (default: none, nothing is validated)")
      ->type_name("FILE")
      ->allow_extra_args(false);
  program.add_option("--lang", options->recipe.lang, "Language of entries that name none")->type_name("LANG");
  program
      .add_option("--replay", options->recipe.replay,
                  "Manifests of other languages, mixed in so that they are not forgotten")
      ->type_name("FILE")
      ->allow_extra_args(false);
  program.add_option("--steps", options->recipe.steps, "Optimizer steps (needed without --config)")
      ->type_name("N");
  program.add_option("--probe", options->probes, "Manifests of languages that are only watched")
      ->type_name("FILE")
      ->allow_extra_args(false);
  program
      .add_option(
          "--latency", options->latencies,
          "Latency to validate at, 80ms to 1120ms or L,R (default: 320ms); given several times, all are "
          "measured and the first decides")
      ->type_name("MS")
      ->allow_extra_args(false);
  program
      .add_option("--surface", options->surface,
                  "What is trained: full, joint, decoder, prompt, top-K (default: full)")
      ->type_name("NAME");
  program
      .add_option("--lora", options->recipe.lora_rank,
                  "Train the encoder's matrices by factors of this rank, in less memory, at the whole rate; "
                  "0: the matrices themselves (default)")
      ->type_name("RANK")
      ->check(between(0, 4096));
  program.add_option("--lr", options->lr, "Learning rate (default without a file: 2e-4)")->type_name("RATE");
  program.add_option("--name", options->name, "Name of the run and of the model it gives (default: default)")
      ->type_name("NAME")
      ->check(wrong_name);
  program.add_option("--exp-dir", options->exp_dir, "Folder of runs (default: nemo_experiments)")
      ->type_name("DIR");
  program.add_option("--version-name", options->version, "Folder of this run (default: date and time)")
      ->type_name("NAME")
      ->check(wrong_name);
  program.add_option("--threads", options->threads, "Threads; 0: one per core")
      ->type_name("N")
      ->check(between(0, 4096))
      ->capture_default_str();
  program.add_flag("--from-scratch", options->from_scratch,
                   "Take geometry and tokenizer of the base, and random weights, all of which then learn");
  program.add_flag("--resume", options->resume, "Go on from the run's newest checkpoint, where there is one");
  program.add_flag("--skip-base-validation", options->skip_base_validation,
                   "Do not measure the base model before step 1");
  program.add_flag("--print-config", options->print_config, "Print the effective configuration and end");
  program.add_flag("--json", options->json,
                   "At the end one JSON object on stdout instead of the model's path: model, val_wer, "
                   "base_val_wer, steps, stopped, folder, and more");
  program.add_flag("--quiet", options->quiet, "Neither progress nor notes on stderr, only errors");
  return {&program, [options] { return train(*options); }};
}

}  // namespace glossa::cli
