// Where the time of decoding goes, by stage.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <span>
#include <string_view>

#include "glossa/recognizer.hpp"

namespace glossa::engine {

enum class Stage {
  kSubsampling,
  kFeedForward,
  kAttention,  // with its projections
  kConvolution,
  kNorm,    // of each block's output
  kPrompt,  // and the joint's projection of frames
  kJoint,
  kPredictor,
  kOther,
};
inline constexpr std::size_t kStages = static_cast<std::size_t>(Stage::kOther) + 1;
std::string_view stage_name(Stage stage);

// A stop watch with a hand per stage: time counts for the stage entered last. One thread at a time.
class StageClock {
 public:
  // The time since the last enter() counts for no stage.
  void start() {
    stage_ = Stage::kOther;
    since_ = std::chrono::steady_clock::now();
  }
  void enter(Stage stage) {
    const auto now = std::chrono::steady_clock::now();
    seconds_[static_cast<std::size_t>(stage_)] += std::chrono::duration<double>(now - since_).count();
    stage_ = stage;
    since_ = now;
  }
  double seconds(Stage stage) const { return seconds_[static_cast<std::size_t>(stage)]; }

 private:
  std::array<double, kStages> seconds_{};
  Stage stage_ = Stage::kOther;
  std::chrono::steady_clock::time_point since_ = std::chrono::steady_clock::now();
};

// For code that may run without a clock.
inline void enter(StageClock* clock, Stage stage) {
  if (clock != nullptr) clock->enter(stage);
}

struct StepProfile {
  double seconds = 0;              // of all steps
  double worker_busy_seconds = 0;  // of all threads but the caller's, in parallel loops
  StageClock stages;
};

// As Recognizer::decode(), adding to `profile`. For a recogniser of Recognizer::load() that nobody else uses
// meanwhile.
void decode_with_profile(const Recognizer& recognizer, std::span<Stream* const> streams,
                         StepProfile& profile);

// What one step must read and compute at least: the weights that every encoder frame is multiplied with.
// Those of the predictor and of the joint's output are used per label and not counted.
struct StepCost {
  double weight_bytes = 0;             // per step, as packed
  double multiply_adds_per_frame = 0;  // per encoder frame
};
StepCost step_cost(const Recognizer& recognizer);

}  // namespace glossa::engine
