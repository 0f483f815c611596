#include "engine/stage_clock.h"

namespace glossa::engine {

std::string_view stage_name(Stage stage) {
  switch (stage) {
    case Stage::kSubsampling:
      return "subsampling";
    case Stage::kFeedForward:
      return "feed-forward";
    case Stage::kAttention:
      return "attention";
    case Stage::kConvolution:
      return "convolution";
    case Stage::kNorm:
      return "output norm";
    case Stage::kPrompt:
      return "prompt";
    case Stage::kJoint:
      return "joint";
    case Stage::kPredictor:
      return "predictor";
    case Stage::kOther:
      break;
  }
  return "other";
}

}  // namespace glossa::engine
