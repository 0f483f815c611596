#include "train/optim/schedule.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "base/fail.h"
#include "base/printable.h"

namespace glossa::train {
namespace {

struct NamedKind {
  std::string_view name;
  ScheduleKind kind;
};

constexpr NamedKind kKinds[] = {{"CosineAnnealing", ScheduleKind::kCosineAnnealing},
                                {"NoamAnnealing", ScheduleKind::kNoamAnnealing},
                                {"WarmupPolicy", ScheduleKind::kWarmupPolicy},
                                {"PolynomialDecayAnnealing", ScheduleKind::kPolynomialDecayAnnealing},
                                {"constant", ScheduleKind::kConstant}};

// `steps`, or the whole part of `ratio` * max_steps, or 0.
std::int64_t steps_of(std::string_view what, const std::optional<std::int64_t>& steps,
                      const std::optional<double>& ratio, const std::optional<std::int64_t>& max_steps) {
  if (steps && ratio) {
    fail_invalid_argument("sched: {0}_steps is {1} and {0}_ratio is {2} (expected one of them)", what, *steps,
                          *ratio);
  }
  if (steps && *steps < 0) fail_invalid_argument("sched: {}_steps is {} (expected 0 or more)", what, *steps);
  if (!ratio) return steps.value_or(0);
  if (!(*ratio >= 0 && *ratio <= 1)) {
    fail_invalid_argument("sched: {}_ratio is {} (expected 0 to 1)", what, *ratio);
  }
  if (!max_steps) fail_invalid_argument("sched: {}_ratio is {} but max_steps is not given", what, *ratio);
  return static_cast<std::int64_t>(*ratio * static_cast<double>(*max_steps));
}

}  // namespace

ScheduleKind schedule_kind(std::string_view name) {
  std::string known;
  for (const auto& [known_name, kind] : kKinds) {
    if (name == known_name) return kind;
    known += (known.empty() ? "" : ", ") + std::string(known_name);
  }
  fail_invalid_argument("sched.name is '{}' (expected one of: {})", printable(name), known);
}

std::string_view name_of(ScheduleKind kind) {
  for (const auto& named : kKinds) {
    if (named.kind == kind) return named.name;
  }
  return "";
}

Schedule::Schedule(const ScheduleConfig& config, double base_lr) : config_(config), base_lr_(base_lr) {
  if (!(base_lr > 0) || !std::isfinite(base_lr)) {
    fail_invalid_argument("optim.lr is {} (expected a number above 0)", base_lr);
  }
  if (config.kind == ScheduleKind::kConstant) return;
  warmup_ = steps_of("warmup", config.warmup_steps, config.warmup_ratio, config.max_steps);
  constant_ = steps_of("constant", config.constant_steps, config.constant_ratio, config.max_steps);
  if (!(config.min_lr >= 0 && config.min_lr <= base_lr)) {
    fail_invalid_argument("sched: min_lr is {} (expected 0 to optim.lr, which is {})", config.min_lr,
                          base_lr);
  }
  if (config.kind == ScheduleKind::kNoamAnnealing) {
    if (config.d_model.value_or(0) < 1) {
      fail_invalid_argument("sched: NoamAnnealing needs d_model (expected the encoder's width)");
    }
    return;
  }
  if (config.max_steps.value_or(0) < 1) {
    fail_invalid_argument("sched: {} needs max_steps (expected 1 or more)", name_of(config.kind));
  }
  max_steps_ = *config.max_steps;
  if (warmup_ + constant_ > max_steps_) {
    fail_invalid_argument("sched: {} steps of warm-up and {} constant ones (expected at most max_steps, {})",
                          warmup_, constant_, max_steps_);
  }
}

double Schedule::lr(std::int64_t step) const {
  if (config_.kind == ScheduleKind::kConstant) return base_lr_;
  if (config_.kind == ScheduleKind::kNoamAnnealing) return noam(step);
  if (config_.kind == ScheduleKind::kCosineAnnealing && constant_ > 0) return cosine_then_constant(step);
  if (warmup_ > 0 && step <= warmup_) {
    return base_lr_ * (static_cast<double>(step + 1) / static_cast<double>(warmup_ + 1));
  }
  if (step > max_steps_) return config_.min_lr;
  if (config_.kind == ScheduleKind::kWarmupPolicy) return base_lr_;
  if (config_.kind == ScheduleKind::kCosineAnnealing) return cosine(step);
  if (max_steps_ == warmup_) return config_.min_lr;
  const double progress = static_cast<double>(step - warmup_) / static_cast<double>(max_steps_ - warmup_);
  return (base_lr_ - config_.min_lr) * std::pow(1 - progress, config_.power) + config_.min_lr;
}

double Schedule::cosine(std::int64_t step) const {
  if (max_steps_ == warmup_) return config_.min_lr;  // NeMo divides by zero
  const double progress = static_cast<double>(step - warmup_) / static_cast<double>(max_steps_ - warmup_);
  return (base_lr_ - config_.min_lr) * (0.5 * (1 + std::cos(std::numbers::pi * progress))) + config_.min_lr;
}

// With constant_steps NeMo takes Megatron's variant, whose warm-up begins at 0.
double Schedule::cosine_then_constant(std::int64_t step) const {
  if (warmup_ > 0 && step <= warmup_) {
    return base_lr_ * static_cast<double>(step) / static_cast<double>(warmup_);
  }
  const std::int64_t decay = max_steps_ - warmup_ - constant_;
  if (step > warmup_ + decay || decay == 0) return config_.min_lr;
  const double progress = static_cast<double>(step - warmup_) / static_cast<double>(decay);
  return config_.min_lr + 0.5 * (std::cos(std::numbers::pi * progress) + 1) * (base_lr_ - config_.min_lr);
}

double Schedule::noam(std::int64_t step_from_zero) const {
  const auto step = static_cast<double>(std::max<std::int64_t>(1, step_from_zero));
  const auto warmup = static_cast<double>(warmup_);
  double factor = std::pow(step, -0.5);
  if (warmup_ > 0) factor = std::min(factor, step * std::pow(warmup, -1.5));
  const double rate = base_lr_ * (std::pow(static_cast<double>(*config_.d_model), -0.5) * factor);
  return step > warmup ? std::max(rate, config_.min_lr) : rate;
}

}  // namespace glossa::train
