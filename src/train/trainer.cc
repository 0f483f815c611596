#include "train/trainer.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>
#include <map>
#include <new>
#include <numeric>
#include <set>

#include "base/fail.h"
#include "base/log.h"
#include "train/batch_gradients.h"
#include "train/device.h"
#include "train/loss/ctc_head.h"
#include "train/loss/frame_head.h"
#include "train/nn/dropout.h"
#include "train/random.h"
#include "train/trained_model.h"

namespace glossa::train {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

// Separate uses of one seed.
constexpr std::uint64_t kContextStream = 1;
constexpr std::uint64_t kDropoutStream = 2;

// Heads' parameters in a state; a .nemo has none.
constexpr const char* kCtcHead = "aux_ctc.";
constexpr const char* kFrameHead = "frame_labels.";

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

// Of the CPU's allocator and of CUDA's, which have no type of their own for it.
bool is_out_of_memory(const c10::Error& error) {
  const std::string what = error.what();
  return what.find("out of memory") != std::string::npos ||
         what.find("can't allocate memory") != std::string::npos;
}

[[noreturn]] void fail_too_large(const TrainBatch& batch) {
  fail_invalid_argument(
      "one of the largest batches does not fit into memory (got {} utterances with {:.0f} s of sound; "
      "expected a smaller batch_duration, batch_size or max_duration)",
      batch.size(), batch.seconds);
}

std::int64_t number_in(const Metadata& metadata, const std::string& key, const fs::path& source) {
  const auto found = metadata.find(key);
  if (found == metadata.end())
    fail_bad_input("{}: no {} (expected a state of glossa train)", source.string(), key);
  return std::stoll(found->second);
}

}  // namespace

class Trainer::Impl {
 public:
  Impl(const checkpoint::Checkpoint& base, const TrainerOptions& options, ProcessGroup& group,
       TrainerHooks hooks)
      : base_(base),
        options_(options),
        group_(group),
        hooks_(std::move(hooks)),
        schedule_(options.schedule, options.lr),
        model_(initial_model(base, options)),
        store_(options.folder / kCheckpointFolder, options.best_kept, base) {
    check_contexts();
    if (options.ctc_weight > 0)
      ctc_head_ = CtcHead(base.config().encoder.d_model, base.config().predictor.blank_id());
    if (options.frame_label_weight > 0) frame_head_ = FrameHead(base.config().encoder.d_model);
    if (!ctc_head_.is_empty()) ctc_head_->to(options.device);
    if (!frame_head_.is_empty()) frame_head_->to(options.device);
    if (options.threads > 0) at::set_num_threads(options.threads);
    optimizer_ = std::make_unique<AdamW>(choose_parameters(), options.adamw);
    make_gradients();
    if (options.resume) {
      resume();
      expect_one_step();
    } else if (!store_.is_empty()) {
      fail_bad_input(
          "{}: has a run's checkpoints (expected --resume, which goes on with it, or another version)",
          options.folder.string());
    }
  }

  std::int64_t first_step() const { return step_; }
  std::int64_t first_batch() const { return batches_; }
  std::int64_t trained_parameters() const {
    std::int64_t count = 0;
    for (const TrainedParameter& parameter : optimizer_->parameters()) count += parameter.tensor.numel();
    return count;
  }

  std::vector<double> rehearse(const TrainBatch& batch, int steps) {
    const StateDict before = trained_state();
    model_->eval();
    AdamW optimizer(optimizer_->parameters(), options_.adamw);
    std::vector<double> losses;
    for (int step = 0; step < steps; ++step) {
      optimizer.zero_grad();
      losses.push_back(group_.sum(add_gradient(batch, 1)) / group_.ranks());
      share_gradients();
      const double norm = inspect_gradients(optimizer.parameters()).norm;
      if (std::isfinite(norm)) optimizer.step(options_.lr, clip_factor(norm, options_.clip_norm));
    }
    optimizer.zero_grad();
    const torch::NoGradGuard no_grad;
    for (const TrainedParameter& parameter : optimizer_->parameters()) {
      torch::Tensor tensor = parameter.tensor;
      tensor.copy_(before.at(parameter.name));
    }
    return losses;
  }

  double try_batch(const TrainBatch& batch) {
    const Clock::time_point start = Clock::now();
    model_->train();
    try {
      // What is there from the second step on: gradients, where they stay, and moments. Written, since memory
      // that nobody writes to is only promised.
      std::vector<torch::Tensor> moments;
      for (const TrainedParameter& parameter : optimizer_->parameters()) {
        torch::Tensor tensor = parameter.tensor;
        if (options_.device.is_cpu() || options_.accumulate > 1)
          tensor.mutable_grad() = torch::ones_like(tensor.detach());
        for (int moment = 0; moment < 2; ++moment) moments.push_back(torch::ones_like(tensor.detach()));
      }
      add_gradient(batch, 1);
    } catch (const c10::Error& error) {
      if (!is_out_of_memory(error)) throw;
      fail_too_large(batch);
    } catch (const std::bad_alloc&) {
      fail_too_large(batch);
    }
    for (const TrainedParameter& parameter : optimizer_->parameters()) {
      torch::Tensor tensor = parameter.tensor;
      tensor.mutable_grad().reset();
    }
    return seconds_since(start);
  }

  TrainingOutcome run(const std::function<TrainBatch()>& next, const std::string& name) {
    TrainingOutcome outcome;
    model_->train();
    if (owes_validation()) outcome.out_of_patience = validate();
    while (step_ < options_.steps && !outcome.stopped && !outcome.out_of_patience) {
      const StepReport report = take_step(next);
      if (group_.is_first() && hooks_.on_step) hooks_.on_step(report);
      outcome.stopped = group_.largest(hooks_.stop && hooks_.stop() ? 1 : 0) > 0;
      const bool ends = step_ == options_.steps;
      const bool validates = !outcome.stopped && (ends || is_due(options_.validate_every));
      const bool saves = outcome.stopped || validates || is_due(options_.save_every);
      if (saves) save(ends || outcome.stopped);
      if (validates) outcome.out_of_patience = validate();
    }
    outcome.steps = step_;
    if (!outcome.stopped) finish(name, outcome);
    return outcome;
  }

 private:
  void check_contexts() const {
    if (options_.contexts.empty())
      fail_invalid_argument("no attention context to train with (expected one or more)");
    for (const AttContext& context : options_.contexts) {
      if (!model::is_usable(context)) {
        fail_invalid_argument(
            "attention context [{},{}] (expected a left part that is a multiple of right + 1)", context.left,
            context.right);
      }
    }
    if (!options_.context_probs.empty() && options_.context_probs.size() != options_.contexts.size()) {
      fail_invalid_argument("{} probabilities for {} attention contexts", options_.context_probs.size(),
                            options_.contexts.size());
    }
  }

  std::vector<TrainedParameter> choose_parameters() {
    std::vector<TrainedParameter> trained = head_parameters();
    for (TrainedParameter& parameter : moving_parameters(model_, options_))
      trained.push_back(std::move(parameter));
    return trained;
  }

  void make_gradients() {
    std::vector<torch::Tensor> parameters;
    for (const TrainedParameter& parameter : optimizer_->parameters()) parameters.push_back(parameter.tensor);
    const int threads = options_.threads > 0 ? options_.threads : at::get_num_threads();
    const int wanted = options_.shares > 0 ? options_.shares : shares_for(trained_parameters(), threads);
    const int shares = options_.device.is_cpu() ? wanted : 1;  // a GPU wants one large batch
    gradients_ = std::make_unique<BatchGradients>(std::move(parameters), shares);
  }

  std::vector<TrainedParameter> head_parameters() const {
    std::vector<TrainedParameter> parameters;
    const auto add = [&](const char* name, const auto& head) {
      if (head.is_empty()) return;
      for (const auto& parameter : head->named_parameters())
        parameters.push_back({name + parameter.key(), parameter.value(), 1});
    };
    add(kCtcHead, ctc_head_);
    add(kFrameHead, frame_head_);
    return parameters;
  }

  // What a .nemo has no place for.
  std::vector<TrainedParameter> parameters_of_state() const {
    std::vector<TrainedParameter> parameters = head_parameters();
    for (TrainedParameter& factor : factors_of(model_)) parameters.push_back(std::move(factor));
    return parameters;
  }

  void resume() {
    if (group_.is_first()) store_.remove_half_written();
    const std::optional<SavedStep> saved = store_.newest();
    if (!saved && !store_.is_empty()) {
      fail_bad_input("{}: has models of a run and no .state (expected the newest step's, to go on from)",
                     (options_.folder / kCheckpointFolder).string());
    }
    if (!saved) return;
    const auto snapshot = checkpoint::read_nemo(saved->model);
    TensorFile state = read_tensor_file(saved->state);
    for (const TrainedParameter& parameter : parameters_of_state()) {
      const auto found = state.tensors.extract(parameter.name);
      if (!found || found.mapped().sizes() != parameter.tensor.sizes())
        fail_bad_input(
            "{}: no {} as large as this run's (expected a state of a run with the same model.aux_ctc, "
            "glossa.frame_label_weight and glossa.lora)",
            saved->state.string(), parameter.name);
      parameter.tensor.data().copy_(found.mapped());
    }
    load_snapshot(*snapshot);
    for (const auto& [name, tensor] : state.tensors) {
      if (!is_factor(name)) continue;
      fail_bad_input("{}: has {} (expected a state of a run with the same glossa.lora as this)",
                     saved->state.string(), name);
    }
    optimizer_->load_state(std::move(state.tensors));
    step_ = number_in(state.metadata, "step", saved->state);
    batches_ = number_in(state.metadata, "batches", saved->state);
    audio_seconds_ = std::stod(state.metadata.at("audio_seconds"));
    if (number_in(state.metadata, "ranks", saved->state) != group_.ranks()) {
      log::warning(fmt::format("{}: saved by {} processes, now there are {}: the data go on elsewhere",
                               saved->state.string(), state.metadata.at("ranks"), group_.ranks()));
    }
    if (group_.is_first()) store_.forget_after(step_);
    saved_ = saved;
    last_saved_ = step_;
  }

  // Each process reads the run's folder for itself.
  void expect_one_step() {
    const double most = group_.largest(static_cast<double>(step_));
    const double least = -group_.largest(-static_cast<double>(step_));
    if (most == least) return;
    fail_bad_input(
        "{}: processes would go on from step {:.0f} and from step {:.0f} (expected a folder that all "
        "machines "
        "share)",
        options_.folder.string(), least, most);
  }

  // Matrices with factors stay the base's: the snapshot's are the sums.
  void load_snapshot(const checkpoint::Checkpoint& snapshot) {
    const torch::NoGradGuard no_grad;
    std::set<std::string> with_factors;
    for (const auto& [matrix, factors] : model_->low_rank()) {
      const torch::Tensor sum = tensor_in(base_, matrix).flatten(1) + factors.product();
      if (!torch::allclose(sum, tensor_in(snapshot, matrix).flatten(1), /*rtol=*/1e-4, /*atol=*/1e-5)) {
        fail_bad_input(
            "{}: {} is not {}'s plus its factors (expected the base and the glossa.lora.alpha that the run "
            "began with)",
            snapshot.source(), matrix, base_.source());
      }
      with_factors.insert(matrix);
    }
    load_checkpoint(model_, snapshot, with_factors);
  }

  bool is_due(std::int64_t every) const { return every > 0 && step_ % every == 0; }

  // A run that was stopped or killed between a step's checkpoint and the end of its validation.
  bool owes_validation() {
    const bool owes = group_.is_first() && saved_ &&
                      (step_ == options_.steps || is_due(options_.validate_every)) &&
                      !store_.scores().contains(step_);
    return group_.largest(owes ? 1 : 0) > 0;
  }

  AttContext context_of(std::int64_t batch) const {
    CounterRandom random(options_.seed + static_cast<std::uint64_t>(batch), kContextStream);
    if (options_.context_probs.empty())
      return options_.contexts[static_cast<std::size_t>(random.below(options_.contexts.size()))];
    const double sum = std::accumulate(options_.context_probs.begin(), options_.context_probs.end(), 0.0);
    double left = random.uniform() * sum;
    std::size_t choice = 0;
    while (choice + 1 < options_.contexts.size() && left >= options_.context_probs[choice])
      left -= options_.context_probs[choice++];
    return options_.contexts[choice];
  }

  // The mean loss of the utterances of a batch, or of the `share` of it that a thread has.
  torch::Tensor loss_of(const TrainBatch& whole, int share) {
    const ComputePrecision precision(options_.device, options_.bf16);
    CounterRandom random(options_.seed + static_cast<std::uint64_t>(batches_) * 65536 +
                             static_cast<std::uint64_t>(group_.rank()),
                         kDropoutStream + (static_cast<std::uint64_t>(share) << 32));
    seed_dropout(random.bits());
    if (!options_.device.is_cpu()) torch::manual_seed(random.bits());  // libtorch's own dropout draws there
    TrainBatch batch = whole;
    if (options_.spec_augment && model_->is_training()) {
      torch::Tensor& mels = batch.mels;
      mels = mels.clone();
      const auto lengths = batch.mel_lengths;
      spec_augment(*options_.spec_augment, batch.seeds,
                   {lengths.data_ptr<std::int64_t>(), static_cast<std::size_t>(lengths.numel())},
                   static_cast<int>(mels.size(1)), static_cast<int>(mels.size(2)),
                   {mels.data_ptr<float>(), static_cast<std::size_t>(mels.numel())});
    }
    if (!options_.device.is_cpu()) batch = batch.to(options_.device);
    const EncoderOutput encoded = model_->encoder(batch.mels, batch.mel_lengths, context_of(batches_));
    const torch::Tensor fused = model_->prompt_fusion(encoded.frames, batch.slots);
    const torch::Tensor states = model_->predictor(batch.targets);
    const torch::Tensor transducer =
        rnnt_joint_loss(model_->joint_encoder(fused), model_->joint_predictor(states), model_->joint_weight(),
                        model_->joint_bias(), batch.targets, encoded.lengths, batch.target_lengths,
                        options_.loss, model_->jointnet_dropout(), random.bits());
    torch::Tensor loss = transducer.mean();
    if (!ctc_head_.is_empty()) {
      const torch::Tensor ctc = ctc_head_->loss(fused, encoded.lengths, batch.targets, batch.target_lengths);
      loss = (1 - options_.ctc_weight) * loss + options_.ctc_weight * ctc.mean();
    }
    if (!frame_head_.is_empty())
      loss =
          loss + options_.frame_label_weight * frame_head_->loss(encoded.frames, batch.frame_labels).mean();
    return loss;
  }

  double add_gradient(const TrainBatch& batch, double weight) {
    return gradients_->add(batch, weight,
                           [&](const TrainBatch& share, int index) { return loss_of(share, index); });
  }

  StateDict trained_state() const {
    StateDict state;
    for (const TrainedParameter& parameter : optimizer_->parameters())
      state.emplace(parameter.name, parameter.tensor.detach().clone());
    return state;
  }

  StepReport take_step(const std::function<TrainBatch()>& next) {
    const Clock::time_point start = Clock::now();
    StepReport report;
    optimizer_->zero_grad();
    double loss = 0;
    double batches = 0;
    double sound = 0;
    for (int part = 0; part < options_.accumulate; ++part, ++batches_) {
      const Clock::time_point asked = Clock::now();
      const TrainBatch batch = next();
      report.data_seconds += seconds_since(asked);
      if (batch.size() == 0) continue;
      loss += add_gradient(batch, 1.0 / options_.accumulate);
      batches += 1;
      sound += batch.seconds;
    }
    share_gradients();
    loss = group_.sum(loss);
    batches = group_.sum(batches);
    audio_seconds_ += group_.sum(sound);

    const GradientReport gradients = inspect_gradients(optimizer_->parameters());
    report.loss = batches > 0 ? loss / batches : 0;
    report.lr = schedule_.lr(step_);
    report.grad_norm = gradients.norm;
    report.skipped = batches == 0 || !std::isfinite(gradients.norm);
    if (report.skipped) {
      tell_skipped(gradients);
    } else {
      skipped_in_a_row_ = 0;
      optimizer_->step(report.lr, clip_factor(gradients.norm, options_.clip_norm));
    }
    report.step = ++step_;
    report.audio_hours = audio_seconds_ / 3600;
    report.seconds = seconds_since(start);
    return report;
  }

  // Every process needs the same gradients, those of parameters that its own batches did not reach included.
  void share_gradients() {
    if (group_.ranks() == 1) return;
    std::vector<torch::Tensor> gradients;
    for (const TrainedParameter& parameter : optimizer_->parameters()) {
      torch::Tensor tensor = parameter.tensor;
      if (!tensor.grad().defined()) tensor.mutable_grad() = torch::zeros_like(tensor);
      gradients.push_back(tensor.grad());
    }
    group_.average(gradients);
  }

  // Batches that cannot be read are the loader's to count.
  void tell_skipped(const GradientReport& gradients) {
    const bool is_finite = gradients.first_not_finite.empty();
    const std::string why = is_finite
                                ? std::string("no utterance could be used")
                                : fmt::format("the gradient of {} is not finite", gradients.first_not_finite);
    if (!is_finite && ++skipped_in_a_row_ >= options_.most_skipped) {
      fail_bad_input(
          "step {}: {}, for {} steps in a row: training stops (lower the learning rate, clip gradients, or "
          "look at the data; the last checkpoint is from step {})",
          step_ + 1, why, skipped_in_a_row_, last_saved_);
    }
    log::warning(fmt::format("step {}: {}: nothing was changed", step_ + 1, why));
  }

  // A disk that refuses costs the checkpoint, not the run, unless it is the last one.
  void save(bool is_last) {
    if (group_.is_first()) {
      const Metadata metadata = {{"step", fmt::format("{}", step_)},
                                 {"batches", fmt::format("{}", batches_)},
                                 {"audio_seconds", fmt::format("{:.17g}", audio_seconds_)},
                                 {"ranks", fmt::format("{}", group_.ranks())}};
      try {
        StateDict state = optimizer_->state();
        for (const TrainedParameter& parameter : parameters_of_state())
          state.emplace(parameter.name, parameter.tensor.detach().to(torch::kCPU));
        saved_ = store_.save(step_, state_of(model_), state, metadata);
        last_saved_ = step_;
      } catch (const Error& error) {
        if (is_last) throw;
        saved_.reset();
        log::warning(fmt::format("checkpoint of step {} not saved: {}", step_, error.what()));
      }
    }
    group_.barrier();
  }

  // True when the run is out of patience.
  bool validate() {
    double give_up = 0;
    if (group_.is_first() && hooks_.validate && saved_ && saved_->step == step_) {
      const double score = hooks_.validate(saved_->model, {step_});
      try {
        store_.score(step_, score);
      } catch (const Error& error) {
        log::warning(fmt::format("the score of step {} not saved: {}", step_, error.what()));
      }
      give_up = options_.patience > 0 && validations_since_best() >= options_.patience ? 1 : 0;
    }
    return group_.largest(give_up) > 0;
  }

  int validations_since_best() const {
    double best = std::numeric_limits<double>::infinity();
    int since = 0;
    for (const auto& [step, score] : store_.scores()) {
      since = score < best ? 0 : since + 1;
      best = std::min(best, score);
    }
    return since;
  }

  // The best step by score, else the last one; the mean of the best where that scores better; mixed with the
  // base where that is wanted. What is written has been validated as it is.
  void finish(const std::string& name, TrainingOutcome& outcome) {
    if (group_.is_first()) {
      const std::vector<std::int64_t> best = store_.best();
      Candidate& candidate = outcome.candidate;
      candidate.step = best.empty() ? step_ : best.front();
      outcome.best_step = candidate.step;
      if (!best.empty()) outcome.score = store_.scores().at(candidate.step);
      std::vector<std::filesystem::path> chosen = {store_.model_path(candidate.step)};
      outcome.model = options_.folder / (name + ".nemo");
      const int averaged = std::min(static_cast<int>(best.size()), options_.average_best);
      if (averaged > 1 && hooks_.validate) {
        std::vector<std::filesystem::path> several;
        for (int rank = 0; rank < averaged; ++rank)
          several.push_back(store_.model_path(best[static_cast<std::size_t>(rank)]));
        const Candidate means{step_, averaged};
        write_nemo(outcome.model, base_, mean_of(several, base_));
        const double score = hooks_.validate(outcome.model, means);
        if (score < *outcome.score) {
          chosen = several;
          candidate = means;
          outcome.score = score;
        }
      }
      if (options_.base_share > 0) {
        candidate.base_share = options_.base_share;
        outcome.score.reset();
      }
      write_nemo(outcome.model, base_, mean_of(chosen, base_, options_.base_share));
      if (candidate.base_share > 0 && hooks_.validate)
        outcome.score = hooks_.validate(outcome.model, candidate);
    }
    group_.barrier();
  }

  const checkpoint::Checkpoint& base_;
  TrainerOptions options_;
  ProcessGroup& group_;
  TrainerHooks hooks_;
  Schedule schedule_;
  AsrModel model_;
  CtcHead ctc_head_{nullptr};
  FrameHead frame_head_{nullptr};
  CheckpointStore store_;
  std::unique_ptr<AdamW> optimizer_;
  std::unique_ptr<BatchGradients> gradients_;
  std::int64_t step_ = 0;
  std::int64_t batches_ = 0;
  double audio_seconds_ = 0;
  int skipped_in_a_row_ = 0;
  std::int64_t last_saved_ = 0;
  std::optional<SavedStep> saved_;
};

Trainer::Trainer(const checkpoint::Checkpoint& base, const TrainerOptions& options, ProcessGroup& group,
                 TrainerHooks hooks)
    : impl_(std::make_unique<Impl>(base, options, group, std::move(hooks))) {}
Trainer::~Trainer() = default;
std::int64_t Trainer::first_step() const { return impl_->first_step(); }
std::int64_t Trainer::first_batch() const { return impl_->first_batch(); }
std::int64_t Trainer::trained_parameters() const { return impl_->trained_parameters(); }
std::vector<double> Trainer::rehearse(const TrainBatch& batch, int steps) {
  return impl_->rehearse(batch, steps);
}
double Trainer::try_batch(const TrainBatch& batch) { return impl_->try_batch(batch); }
TrainingOutcome Trainer::run(const std::function<TrainBatch()>& next, const std::string& name) {
  return impl_->run(next, name);
}

}  // namespace glossa::train
