// Where the time of a step goes.
#pragma once

#include <span>

#include "bench/fed_streams.h"
#include "engine/stage_clock.h"
#include "glossa/recognizer.hpp"

namespace glossa::bench {

struct StageProfile {
  Setting setting;
  int streams = 0;
  int steps = 0;
  engine::StepProfile profile;  // of all steps
  double idle_share = 0;        // of all threads' time: those that waited

  double step_seconds() const { return profile.seconds / steps; }
  double stage_seconds(engine::Stage stage) const { return profile.stages.seconds(stage) / steps; }
  double stage_share(engine::Stage stage) const { return profile.stages.seconds(stage) / profile.seconds; }
};

// Steps all streams together for about `seconds`.
StageProfile measure_stages(const Recognizer& recognizer, const Setting& setting, int streams, double seconds,
                            std::span<const float> sound);

}  // namespace glossa::bench
