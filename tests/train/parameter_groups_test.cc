// Oracle: the surfaces as listed by hand for a model of three layers.
#include "train/optim/parameter_groups.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "glossa/error.hpp"
#include "support/message_of.h"

namespace glossa::train {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

const std::vector<std::string> kNames = {"encoder.pre_encode.conv.0.weight",
                                         "encoder.layers.0.norm_out.weight",
                                         "encoder.layers.1.norm_out.weight",
                                         "encoder.layers.2.norm_out.weight",
                                         "prompt_kernel.0.weight",
                                         "decoder.prediction.embed.weight",
                                         "joint.enc.weight",
                                         "joint.joint_net.2.bias"};

// What moves, in the order of kNames, as a string of '1' and '0'.
std::string moving(const ParameterGroups& groups) {
  std::string bits;
  for (const auto& name : kNames) {
    int found = 0;
    for (const auto& group : groups.groups)
      found += static_cast<int>(std::count(group.names.begin(), group.names.end(), name));
    const auto frozen = std::count(groups.frozen.begin(), groups.frozen.end(), name);
    EXPECT_EQ(found + frozen, 1) << name;
    bits += static_cast<char>('0' + found);
  }
  return bits;
}

TEST(ParameterGroups, KnowTheSurfaces) {
  EXPECT_EQ(moving(group_parameters(kNames, "joint")), "00000011");
  EXPECT_EQ(moving(group_parameters(kNames, "decoder")), "00000111");
  EXPECT_EQ(moving(group_parameters(kNames, "prompt")), "00001000");
  EXPECT_EQ(moving(group_parameters(kNames, "top-1")), "00011111");
  EXPECT_EQ(moving(group_parameters(kNames, "top-2")), "00111111");
  EXPECT_EQ(moving(group_parameters(kNames, "top-3")), "01111111");
  EXPECT_EQ(moving(group_parameters(kNames, "full")), "11111111");
  EXPECT_EQ(moving(group_parameters(kNames, "full", {}, /*freeze_subsampling=*/true)), "01111111");
}

TEST(ParameterGroups, CarryTheScales) {
  const auto groups =
      group_parameters(kNames, "full", {.encoder = 0.1, .prompt_kernel = 0.25, .decoder = 1, .joint = 2})
          .groups;
  ASSERT_EQ(groups.size(), 4U);
  EXPECT_EQ(groups[0].name, "encoder");
  EXPECT_EQ(groups[0].lr_scale, 0.1);
  EXPECT_EQ(groups[1].lr_scale, 0.25);
  EXPECT_THAT(groups[2].names, ElementsAre("decoder.prediction.embed.weight"));
  EXPECT_EQ(groups[3].lr_scale, 2);
}

TEST(ParameterGroups, AScaleOfZeroFreezes) {
  EXPECT_EQ(moving(group_parameters(kNames, "full", {.encoder = 0})), "00001111");
}

std::string refusal(std::string_view surface, const std::vector<std::string>& names = kNames,
                    const LearningRateScales& scales = {}) {
  return testing::message_of([&] { group_parameters(names, surface, scales); }, ErrorCode::kInvalidArgument);
}

TEST(ParameterGroups, RefuseWhatDoesNotExist) {
  for (const char* bad : {"", "all", "top-", "top-0", "top--1", "top-x", "top-2x", "Full"}) {
    EXPECT_THAT(refusal(bad), HasSubstr("joint, decoder, prompt, full, or top-K")) << bad;
    EXPECT_THROW(check_surface(bad), Error) << bad;
  }
  EXPECT_THAT(refusal("top-4"), HasSubstr("3 layers"));
  EXPECT_THAT(refusal("prompt", {"joint.enc.weight"}), HasSubstr("trains nothing"));
  EXPECT_THAT(refusal("full", {"jointly.weight"}), HasSubstr("jointly.weight"));
  EXPECT_THAT(refusal("full", kNames, {.joint = -1}), HasSubstr("joint is -1"));
  EXPECT_NO_THROW(check_surface("top-24"));
}

}  // namespace
}  // namespace glossa::train
