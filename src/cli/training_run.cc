#include "cli/training_run.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>

#include "base/fail.h"
#include "base/log.h"
#include "base/process_memory.h"
#include "checkpoint/blank_checkpoint.h"
#include "checkpoint/checkpoint.h"
#include "cli/commands.h"
#include "cli/interrupt.h"
#include "cli/output_writer.h"
#include "cli/progress.h"
#include "cli/training_feed.h"
#include "cli/training_options.h"
#include "cli/training_report.h"
#include "cli/training_validation.h"
#include "model/tensor_spec.h"
#include "text/json_text.h"
#include "train/checkpoint_store.h"
#include "train/device.h"
#include "train/metrics_log.h"
#include "train/trainer.h"

namespace glossa::cli {
namespace {

namespace fs = std::filesystem;

constexpr double kGigabyte = 1e9;
constexpr double kLearned = 0.7;  // of the first loss: what a rehearsal should leave less than

double seconds_since_1970() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

// The version of the run that saved a checkpoint last; empty: none did.
std::string newest_version(const fs::path& runs) {
  std::string newest;
  std::optional<fs::file_time_type> newest_time;
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator(runs, error)) {
    const auto time = train::CheckpointStore::last_saved(entry.path() / train::kCheckpointFolder);
    if (!time || (newest_time && *time <= *newest_time)) continue;
    newest = entry.path().filename().string();
    newest_time = time;
  }
  return newest;
}

std::shared_ptr<const checkpoint::Checkpoint> open_base(const train::TrainConfig& config) {
  if (config.new_model.is_wanted())
    return checkpoint::blank_checkpoint(config.new_model.config, config.new_model.tokenizer);
  return checkpoint::read_checkpoint(config.init_from_nemo_model);
}

// A folder that nobody else has: of runs begun in the same second, the second one gets "NAME-2".
std::string new_version(const fs::path& runs, const std::string& name) {
  std::error_code error;
  fs::create_directories(runs, error);
  std::string version = name;
  for (int number = 2; !fs::create_directory(runs / version, error) && !error; ++number)
    version = fmt::format("{}-{}", name, number);
  return version;
}

// All processes agree on one folder: the first one chooses the version or names it by its clock.
fs::path run_folder(const train::ExperimentConfig& experiment, train::ProcessGroup& group) {
  const fs::path runs = fs::path(experiment.exp_dir) / experiment.name;
  std::string version = experiment.version;
  if (version.empty() && experiment.resume_if_exists && group.is_first()) version = newest_version(runs);
  if (version.empty() && group.is_first()) {
    const auto now = static_cast<std::time_t>(seconds_since_1970());
    version = new_version(runs, fmt::format("{:%Y-%m-%d_%H-%M-%S}", fmt::localtime(now)));
  }
  version = group.broadcast(version);
  fs::path folder = runs / version;
  std::error_code error;
  fs::create_directories(folder, error);
  if (!fs::is_directory(folder))
    fail_bad_input("{}: cannot be made (expected a folder for the run): {}", folder.string(),
                   error.message());
  return folder;
}

void write_text(const fs::path& path, const std::string& text) {
  std::ofstream file(path, std::ios::trunc);
  file << text;
  if (!file.flush()) fail_bad_input("{}: cannot be written", path.string());
}

// What there is to know before step 1.
void tell_limits(const train::TrainConfig& config, torch::Device device, int ranks) {
  log::info(fmt::format("training on {}", train::device_name(device)));
  if (config.trainer.precision == train::Precision::kBF16Mixed && device.is_cpu())
    log::info("trainer.precision: mixed precision gains nothing on the CPU: computing in f32");
  const int asked = std::max(1, config.trainer.devices) * config.trainer.num_nodes;
  if (config.trainer.devices > 0 && asked != ranks) {
    log::warning(fmt::format(
        "trainer.devices x trainer.num_nodes is {}, but {} were started: processes are started by "
        "torchrun, srun or mpirun",
        asked, ranks == 1 ? std::string("one process") : fmt::format("{} processes", ranks)));
  }
}

void tell_plan(const train::TrainConfig& config, const train::Trainer& trainer,
               const data::BatchSampler::Totals& totals, const fs::path& folder) {
  const double parameters = static_cast<double>(trainer.trained_parameters());
  // Weight, gradient, two moments; f32.
  log::info(fmt::format("{:.1f} M parameters are trained: {:.2f} GB with gradients and moments",
                        parameters / 1e6, 16 * parameters / kGigabyte));
  log::info(fmt::format("{} cuts, {:.2f} h of audio{}", totals.cuts, totals.hours,
                        totals.hours_left_out > 0
                            ? fmt::format("; left out by the duration limits: {} short, {} long, {:.2f} h",
                                          totals.too_short, totals.too_long, totals.hours_left_out)
                            : ""));
  if (!config.from_scratch && !config.new_model.is_wanted() && config.replay.manifests.empty() &&
      (config.validation.probe_manifests.empty() || config.validation_ds.manifest_filepath.empty()))
    log::info("neither replay nor probe: nothing will show what other languages lose (--replay, --probe)");
  log::info(fmt::format("steps {} to {}, into {}", trainer.first_step() + 1, config.trainer.max_steps,
                        folder.string()));
}

std::string candidate_name(const train::Candidate& candidate) {
  std::string name = candidate.averaged > 1 ? fmt::format("mean of the best {}", candidate.averaged)
                                            : fmt::format("step {}", candidate.step);
  if (candidate.base_share > 0)
    name += fmt::format(", mixed with {:g} % of the base", 100 * candidate.base_share);
  return name;
}

// Weights of the best steps, of the newest, of the one that is being written and of the end; the newest
// step's moments, and those that replace them.
void tell_disk(const train::TrainConfig& config, const model::ModelConfig& model, std::int64_t trained,
               const fs::path& folder) {
  std::int64_t weights = 0;
  for (const model::TensorSpec& spec : model::tensor_specs(model)) weights += spec.elements();
  const std::int64_t validations = config.validation_ds.manifest_filepath.empty()
                                       ? 0
                                       : config.trainer.max_steps / config.trainer.val_check_interval + 1;
  const auto models =
      static_cast<double>(std::min<std::int64_t>(config.experiment.save_top_k, validations) + 3);
  const double needed = 4 * (models * static_cast<double>(weights) + 2 * 2 * static_cast<double>(trained));
  std::error_code error;
  const fs::space_info space = fs::space(folder, error);
  if (error || static_cast<double>(space.available) >= needed) return;
  log::warning(
      fmt::format("{}: {:.1f} GB are free, and the run may need {:.1f} GB (less with "
                  "exp_manager.checkpoint_callback_params.save_top_k): steps that find no room are not "
                  "saved, and the run ends with an error when its last one finds none",
                  folder.string(), static_cast<double>(space.available) / kGigabyte, needed / kGigabyte));
}

class TrainingRun {
 public:
  TrainingRun(const train::TrainConfig& config, const TrainingRunOptions& options)
      : config_(config),
        options_(options),
        environment_(train::rank_environment()),
        group_(environment_),
        base_(open_base(config)),
        quiet_(options.quiet || !group_.is_first()) {
    check_validation(config, base_->config());
    folder_ = run_folder(config.experiment, group_);
  }

  int run() {
    const InterruptGuard interrupt;
    const train::TrainerOptions options = trainer_options(config_, base_->config(), folder_, environment_);
    train::Trainer trainer(*base_, options, group_,
                           {.on_step = [&](const train::StepReport& report) { log_step(report); },
                            .validate = validation(),
                            .stop = [&] { return interrupt.signal_came(); }});
    TrainingFeed feed(config_, *base_, {group_.rank(), group_.ranks(), trainer.first_batch()});
    if (group_.is_first()) {
      tell_limits(config_, options.device, group_.ranks());
      tell_plan(config_, trainer, feed.totals(), folder_);
      if (trainer.first_step() == 0)
        tell_disk(config_, base_->config(), trainer.trained_parameters(), folder_);
      for (const std::string& warning : feed.warnings()) log::warning(warning);
      open_logs(trainer.first_step());
      const bool has_base = !config_.new_model.is_wanted();
      if (validator_ && has_base && options_.validate_base && trainer.first_step() == 0) validate_base();
    }
    group_.barrier();

    try_largest(trainer, feed.largest(), options.device);
    if (config_.rehearsal_steps > 0 && trainer.first_step() == 0) rehearse(trainer);
    progress_.emplace("training", static_cast<double>(config_.trainer.max_steps), quiet_,
                      static_cast<double>(trainer.first_step()));
    const train::TrainingOutcome outcome = trainer.run([&] { return feed.next(); }, config_.experiment.name);
    progress_.reset();
    if (group_.is_first()) tell_outcome(outcome, feed.unreadable());
    return kDone;
  }

 private:
  std::function<double(const fs::path&, const train::Candidate&)> validation() {
    if (config_.validation_ds.manifest_filepath.empty() || !group_.is_first()) return {};
    return [this](const fs::path& model, const train::Candidate& candidate) {
      return validate(model, candidate);
    };
  }

  void open_logs(std::int64_t first_step) {
    write_text(folder_ / "config.yaml", train::to_yaml(config_));
    metrics_ = std::make_unique<train::MetricsLog>(folder_ / "metrics.jsonl", first_step + 1);
    if (config_.experiment.create_tensorboard_logger)
      events_ = std::make_unique<train::TensorBoardLog>(folder_, first_step > 0 ? first_step + 1 : 0,
                                                        seconds_since_1970());
    if (!config_.validation_ds.manifest_filepath.empty())
      validator_ = std::make_unique<TrainingValidator>(config_, base_->config().features.sample_rate,
                                                       folder_ / "validation.jsonl", first_step, quiet_);
  }

  // What does not fit ends the run here and not after hours.
  void try_largest(train::Trainer& trainer, const std::vector<train::TrainBatch>& batches,
                   torch::Device device) const {
    for (const train::TrainBatch& batch : batches) {
      if (batch.size() == 0) continue;  // nothing of it can be read, which is told when it is drawn
      forget_peak_memory();
      const double seconds = trainer.try_batch(batch);
      if (!group_.is_first()) continue;
      log::info(fmt::format(
          "tried one of the largest batches: {} utterances with {:.0f} s of sound: {:.1f} s{}", batch.size(),
          batch.seconds, seconds,
          device.is_cpu() ? fmt::format(", {:.1f} GB of memory", peak_memory() / kGigabyte) : ""));
    }
  }

  // On the run's first batch, drawn a second time so that the run itself misses none.
  void rehearse(train::Trainer& trainer) {
    TrainingFeed feed(config_, *base_, {group_.rank(), group_.ranks(), 0});
    train::TrainBatch batch = feed.next();
    while (batch.size() == 0) batch = feed.next();
    const std::vector<double> losses = trainer.rehearse(batch, config_.rehearsal_steps);
    if (!group_.is_first()) return;
    const std::string told =
        fmt::format("rehearsal: {} steps on one batch of {} utterances: loss {:.3f} to {:.3f}", losses.size(),
                    batch.size(), losses.front(), losses.back());
    if (losses.back() < kLearned * losses.front()) return log::info(told);
    log::warning(told +
                 ": hardly learned (look at texts, languages and the learning rate, or rehearse longer)");
  }

  // A disk that is full costs lines of logs, not the run.
  template <class Write>
  void log_to_disk(const Write& write) {
    try {
      write();
      disk_refuses_ = false;
    } catch (const Error& error) {
      if (!std::exchange(disk_refuses_, true))
        log::warning(fmt::format("{}: the run goes on without what is not written", error.what()));
    }
  }

  void validate_base() {
    const double rate = validate(config_.init_from_nemo_model, {});
    log::info(fmt::format("the base model's word error rate: {:.2f} %", 100 * rate));
  }

  double validate(const fs::path& model, const train::Candidate& candidate) {
    if (progress_) progress_->clear();
    const double rate = validator_->validate(model, candidate);
    log_to_disk([&] { validator_->log_result(); });
    if (events_ && candidate.is_step())
      log_to_disk([&] { events_->write_scalars(candidate.step, {{"val_wer", rate}}, seconds_since_1970()); });
    if (candidate.step > 0)
      log::info(fmt::format("{}: word error rate {:.2f} % at {}", candidate_name(candidate), 100 * rate,
                            validator_->settings().front()));
    write_report();
    return rate;
  }

  void write_report() {
    TrainingReportSources sources{.metrics = folder_ / "metrics.jsonl",
                                  .validations = folder_ / "validation.jsonl",
                                  .configuration = train::to_yaml(config_),
                                  .name = config_.experiment.name};
    if (validator_) sources.examples = validator_->examples();
    log_to_disk([&] { write_text(folder_ / "report.html", training_report(sources)); });
  }

  void log_step(const train::StepReport& report) {
    const train::Metrics metrics = {{"loss", report.loss},
                                    {"lr", report.lr},
                                    {"grad_norm", report.grad_norm},
                                    {"audio_hours", report.audio_hours},
                                    {"seconds", report.seconds},
                                    {"data_seconds", report.data_seconds},
                                    {"skipped", report.skipped ? 1.0 : 0.0}};
    log_to_disk([&] { metrics_->write(report.step, metrics); });
    if (events_ && report.step % std::max(1, config_.trainer.log_every_n_steps) == 0)
      log_to_disk([&] { events_->write_scalars(report.step, metrics, seconds_since_1970()); });
    progress_->update(
        static_cast<double>(report.step),
        fmt::format("loss {:.3f}  lr {:.2e}  {:.2f} h of audio", report.loss, report.lr, report.audio_hours));
  }

  void tell_outcome(const train::TrainingOutcome& outcome, std::int64_t unreadable) {
    write_report();
    if (unreadable > 0)
      log::warning(fmt::format("{} cuts could not be read and were passed over", unreadable));
    if (outcome.stopped) {
      log::info(fmt::format("stopped at step {} of {}, saved; the same command with --resume goes on",
                            outcome.steps, config_.trainer.max_steps));
      if (options_.json) print_to_stdout(to_json(outcome, unreadable));
      return;
    }
    if (outcome.out_of_patience) log::info(fmt::format("no better since step {}: ended", outcome.best_step));
    log::info(fmt::format("written: {}; report: {}", candidate_name(outcome.candidate),
                          (folder_ / "report.html").string()));
    tell_no_better(outcome);
    print_to_stdout(options_.json ? to_json(outcome, unreadable) : outcome.model.string() + "\n");
  }

  std::string to_json(const train::TrainingOutcome& outcome, std::int64_t unreadable) const {
    using nlohmann::ordered_json;
    const auto rate = [](std::optional<double> value) {
      return value ? ordered_json(*value) : ordered_json();
    };
    const ordered_json json = {
        {"model", outcome.stopped ? ordered_json() : ordered_json(outcome.model.string())},
        {"candidate", outcome.stopped ? ordered_json() : ordered_json(candidate_name(outcome.candidate))},
        {"val_wer", rate(outcome.score)},
        {"base_val_wer", rate(validator_ ? validator_->base_rate() : std::nullopt)},
        {"steps", outcome.steps},
        {"max_steps", config_.trainer.max_steps},
        {"best_step", outcome.best_step},
        {"stopped", outcome.stopped},
        {"out_of_patience", outcome.out_of_patience},
        {"unreadable_cuts", unreadable},
        {"folder", folder_.string()},
        {"report", (folder_ / "report.html").string()}};
    return text::json_text(json, 2) + "\n";
  }

  void tell_no_better(const train::TrainingOutcome& outcome) const {
    const std::optional<double> base = validator_ ? validator_->base_rate() : std::nullopt;
    if (!outcome.score || !base || *outcome.score < *base) return;
    const char* advice =
        outcome.candidate.base_share > 0 ? "mix in less of it, look at the data" : "look at the data";
    log::warning(fmt::format(
        "what was written is no better than the base: word error rate {:.2f} %, the base's {:.2f} % "
        "({}, or lower the learning rate)",
        100 * *outcome.score, 100 * *base, advice));
  }

  const train::TrainConfig& config_;
  TrainingRunOptions options_;
  train::RankEnvironment environment_;
  train::ProcessGroup group_;
  std::shared_ptr<const checkpoint::Checkpoint> base_;
  fs::path folder_;
  bool quiet_;
  bool disk_refuses_ = false;  // the last thing that was to be logged
  std::unique_ptr<train::MetricsLog> metrics_;
  std::unique_ptr<train::TensorBoardLog> events_;
  std::unique_ptr<TrainingValidator> validator_;
  std::optional<Progress> progress_;
};

}  // namespace

int run_training(const train::TrainConfig& config, const TrainingRunOptions& options) {
  return TrainingRun(config, options).run();
}

}  // namespace glossa::cli
