#include "model/tensor_spec.h"

#include <gtest/gtest.h>

#include <set>

#include "model/published_model.h"

namespace glossa::model {
namespace {

std::int64_t parameters(const std::vector<TensorSpec>& specs, const std::string& prefix) {
  std::int64_t sum = 0;
  for (const TensorSpec& spec : specs) {
    if (spec.name.starts_with(prefix)) sum += spec.elements();
  }
  return sum;
}

// Oracle: the state dict of the published checkpoint has 657 entries and its print-out gives the parameter
// counts.
TEST(TensorSpec, PublishedModel) {
  const auto specs = tensor_specs(testing::published_model());
  EXPECT_EQ(specs.size(), 657u);
  EXPECT_EQ(parameters(specs, "encoder."), 609'141'760);
  EXPECT_EQ(parameters(specs, "encoder.pre_encode."), 4'596'736);
  EXPECT_EQ(parameters(specs, "encoder.layers.7."), 25'189'376);
  EXPECT_EQ(parameters(specs, "prompt_kernel."), 4'459'520);
  EXPECT_EQ(parameters(specs, "decoder."), 14'940'160);
  EXPECT_EQ(parameters(specs, "joint."), 9'455'648);
  std::set<std::string> names;
  for (const TensorSpec& spec : specs) EXPECT_TRUE(names.insert(spec.name).second) << spec.name;
}

// Oracle: the English sibling has no prompt kernel and 653 entries.
TEST(TensorSpec, WithoutPrompt) {
  auto config = testing::published_model();
  config.prompt = {};
  EXPECT_EQ(tensor_specs(config).size(), 653u);
}

TEST(TensorSpec, IgnoredTensors) {
  for (const char* name :
       {"loss.x", "wer.y", "spec_augmentation.z", "ctc_loss.a", "preprocessor.featurizer.other",
        "encoder.layers.0.conv.batch_norm.num_batches_tracked", "encoder.pos_enc.pe"}) {
    EXPECT_TRUE(is_ignored_tensor(name)) << name;
  }
  for (const char* name :
       {"encoder.layers.0.norm_out.weight", "joint.enc.bias", "ctc_decoder.weight", "lossy.weight"}) {
    EXPECT_FALSE(is_ignored_tensor(name)) << name;
  }
}

}  // namespace
}  // namespace glossa::model
