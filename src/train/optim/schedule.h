// Learning rates by step, NeMo's formulas (core/optim/lr_scheduler.py).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace glossa::train {

enum class ScheduleKind {
  kCosineAnnealing,           // linear warm-up, then half a cosine down to min_lr
  kNoamAnnealing,             // linear warm-up, then 1 / sqrt(step); lr is a factor, not a rate
  kWarmupPolicy,              // linear warm-up, then constant; min_lr after max_steps
  kPolynomialDecayAnnealing,  // linear warm-up, then (1 - progress)^power
  kConstant,                  // no schedule at all
};

// NeMo's class name, "constant" for the last. Unknown names are Error kInvalidArgument that lists all.
ScheduleKind schedule_kind(std::string_view name);
std::string_view name_of(ScheduleKind kind);

// NeMo's names. Of warmup_steps and warmup_ratio at most one is set, and of constant_steps and
// constant_ratio.
struct ScheduleConfig {
  ScheduleKind kind = ScheduleKind::kCosineAnnealing;
  std::optional<std::int64_t> warmup_steps;
  std::optional<double> warmup_ratio;          // of max_steps
  std::optional<std::int64_t> constant_steps;  // cosine only: at min_lr before max_steps
  std::optional<double> constant_ratio;
  double min_lr = 0;
  std::optional<std::int64_t> max_steps;
  std::optional<int> d_model;  // Noam only
  double power = 1;            // polynomial only

  bool operator==(const ScheduleConfig&) const = default;
};

class Schedule {
 public:
  // Error kInvalidArgument when the settings contradict each other or one that the kind needs is missing.
  Schedule(const ScheduleConfig& config, double base_lr);

  // The rate of optimizer step `step`, counted from 0. Groups multiply their own scale to it.
  double lr(std::int64_t step) const;

  std::int64_t warmup_steps() const { return warmup_; }

 private:
  double cosine(std::int64_t step) const;
  double cosine_then_constant(std::int64_t step) const;
  double noam(std::int64_t step) const;

  ScheduleConfig config_;
  double base_lr_;
  std::int64_t warmup_ = 0;
  std::int64_t constant_ = 0;
  std::int64_t max_steps_ = 0;
};

}  // namespace glossa::train
