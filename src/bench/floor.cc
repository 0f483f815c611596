#include "bench/floor.h"

#include <algorithm>

namespace glossa::bench {

Floor::Floor(const MachineCeiling& machine, const engine::StepCost& cost, WeightFormat weights)
    : weight_bytes_(cost.weight_bytes), read_seconds_(cost.weight_bytes / (machine.read_gb_per_s * 1e9)) {
  const bool in_int8 = weights == WeightFormat::kInt8 || weights == WeightFormat::kInt4;
  const double giga_per_s = in_int8 ? machine.int8_gop_per_s : machine.f32_gflop_per_s;
  seconds_per_frame_ = 2 * cost.multiply_adds_per_frame / (giga_per_s * 1e9);
}

double Floor::step_seconds(double frames) const {
  return std::max(read_seconds_, seconds_per_frame_ * frames);
}

double Floor::step_seconds(double frames, double read_gb_per_s) const {
  return std::max(weight_bytes_ / (read_gb_per_s * 1e9), seconds_per_frame_ * frames);
}

double Floor::streams(double chunk_seconds, double frame_seconds) const {
  return read_seconds_ > chunk_seconds ? 0 : frame_seconds / seconds_per_frame_;
}

}  // namespace glossa::bench
