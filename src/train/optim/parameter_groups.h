// Which parameters move, and how fast: from parameter names alone.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace glossa::train {

// Multipliers of the learning rate, by the part of the model.
struct LearningRateScales {
  double encoder = 1;
  double prompt_kernel = 1;
  double decoder = 1;  // the predictor
  double joint = 1;

  bool operator==(const LearningRateScales&) const = default;
};

struct ParameterGroup {
  std::string name;  // encoder, prompt_kernel, decoder or joint
  double lr_scale = 1;
  std::vector<std::string> names;  // in the order given
};

struct ParameterGroups {
  std::vector<ParameterGroup> groups;  // none is empty
  std::vector<std::string> frozen;
};

// A surface, the part of the model that is trained:
//   joint    the joint
//   decoder  predictor and joint
//   top-K    the last K encoder layers, prompt kernel, predictor and joint
//   prompt   the prompt kernel
//   full     everything; with `freeze_subsampling` all but encoder.pre_encode
// Error kInvalidArgument for any other name, more layers than there are, a part that the model lacks, or a
// scale that is no number of 0 or more. A scale of 0 freezes its part.
ParameterGroups group_parameters(const std::vector<std::string>& names, std::string_view surface,
                                 const LearningRateScales& scales = {}, bool freeze_subsampling = false);

// The error for names that no model knows as a surface, without looking at a model.
void check_surface(std::string_view surface);

}  // namespace glossa::train
