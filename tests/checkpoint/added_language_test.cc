#include "checkpoint/added_language.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "glossa/error.hpp"
#include "model/prompt_table.h"
#include "support/files.h"
#include "support/golden.h"
#include "support/message_of.h"

namespace glossa::checkpoint {
namespace {

using ::testing::HasSubstr;
using testing::TemporaryFolder;

std::shared_ptr<const Checkpoint> tiny(const char* name = "tiny") {
  return read_nemo(testing::golden_model_path(name));
}

std::string refusal(const NewLanguage& language, const char* name = "tiny") {
  return testing::message_of([&] { with_language(tiny(name), language); }, ErrorCode::kInvalidArgument);
}

TEST(AddedLanguage, HasASlotOfItsOwnAndTheWeightsOfAnother) {
  const auto base = tiny();
  const auto added = with_language(base, {.code = "cy-GB", .like = "en-GB"});
  const int slot = model::PromptTable(added->config().prompt).slot_of("cy-GB");
  const int like = model::PromptTable(base->config().prompt).slot_of("en-GB");
  for (const auto& [code, used] : base->config().prompt.dictionary) EXPECT_NE(used, slot) << code;
  EXPECT_EQ(added->config().prompt.dictionary.size(), base->config().prompt.dictionary.size() + 1);
  EXPECT_NE(added->fingerprint(), base->fingerprint());
  EXPECT_GT(added->config_yaml().size(), base->config_yaml().size());

  const int d_model = base->config().encoder.d_model;
  for (const TensorView& tensor : base->tensors()) {
    const std::vector<float> before = tensor.to_f32();
    const std::vector<float> after = added->tensor(tensor.name).to_f32();
    if (tensor.name != "prompt_kernel.0.weight") {
      EXPECT_EQ(before, after) << tensor.name;
      continue;
    }
    const auto columns = static_cast<int>(tensor.shape[1]);
    for (std::size_t index = 0; index < before.size(); ++index) {
      const int column = static_cast<int>(index) % columns;
      const std::size_t row = index - static_cast<std::size_t>(column);
      const int from = column == d_model + slot ? d_model + like : column;
      ASSERT_EQ(after[index], before[row + static_cast<std::size_t>(from)]) << index;
    }
  }
}

TEST(AddedLanguage, ChangesWhatNoOtherCodeMeans) {
  const auto base = tiny();
  const model::PromptTable before(base->config().prompt);
  for (const char* code : {"zh-SG", "vi-US", "aa-AA"}) {
    const auto added = with_language(base, {.code = code, .like = "el-GR"});
    const model::PromptTable after(added->config().prompt);
    for (const char* bare : {"zh", "vi", "en", "pt"}) EXPECT_EQ(after.find(bare), before.find(bare)) << code;
    EXPECT_EQ(added->config().prompt.dictionary.back().first, code);
  }
  const auto twice = with_language(with_language(base, {.code = "cy-GB"}), {.code = "cy-US"});
  const model::PromptTable welsh(twice->config().prompt);
  EXPECT_EQ(welsh.find("cy"), welsh.find("cy-GB"));
}

TEST(AddedLanguage, IsThereInWhatIsWritten) {
  const TemporaryFolder folder;
  const auto added = with_language(tiny(), {.code = "se-NO", .slot = 127});
  std::vector<std::vector<std::byte>> storage;
  write_nemo(folder / "x.nemo", contents_of(*added, DType::kF32, storage));
  EXPECT_EQ(model::PromptTable(read_nemo(folder / "x.nemo")->config().prompt).slot_of("se-NO"), 127);
  write_gguf(folder / "x.gguf", *added, DType::kF32);
  const auto gguf = read_gguf(folder / "x.gguf");
  EXPECT_EQ(model::PromptTable(gguf->config().prompt).slot_of("se-NO"), 127);
  const auto again = with_language(gguf, {.code = "cy-GB"});
  EXPECT_NE(model::PromptTable(again->config().prompt).slot_of("cy-GB"), 127);
}

TEST(AddedLanguage, WhatCannotBeIsNamed) {
  EXPECT_THAT(refusal({.code = "en-US"}), HasSubstr("en-US is in the prompt dictionary already, slot 0"));
  EXPECT_THAT(refusal({.code = "EN-us"}), HasSubstr("en-US is in the prompt dictionary already"));
  EXPECT_THAT(refusal({.code = "cy-GB", .slot = 0}), HasSubstr("prompt slot 0 is not free"));
  EXPECT_THAT(refusal({.code = "cy-GB", .slot = 128}), HasSubstr("expected one below 128"));
  EXPECT_THAT(refusal({.code = "cy-GB", .slot = -1}), HasSubstr("prompt slot -1 is not free"));
  EXPECT_THAT(refusal({.code = "cy-GB", .like = "xx-XX"}), HasSubstr("'xx-XX' is not in the model's prompt"));
  for (const char* code : {"", "cy: 3", "-cy", "c\xc3\xbd"})
    EXPECT_THAT(refusal({.code = code}), HasSubstr("is no code of a language")) << code;
  EXPECT_THAT(refusal({.code = "cy-GB"}, "tiny-en"), HasSubstr("it has no language prompt"));
}

}  // namespace
}  // namespace glossa::checkpoint
