#include "model/prompt_table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "glossa/error.hpp"
#include "model/published_model.h"
#include "support/message_of.h"

namespace glossa::model {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

const PromptTable& table() {
  static const PromptTable instance(testing::published_model().prompt);
  return instance;
}

std::string slot_error(const PromptTable& prompts, std::string_view lang) {
  return testing::message_of([&] { prompts.slot_of(lang); }, ErrorCode::kInvalidArgument);
}

// Oracle: the slots of the published dictionary.
TEST(PromptTable, ExactThenSpellingThenBareLanguage) {
  EXPECT_EQ(table().find("es"), 3);  // es-US, not es-ES
  EXPECT_EQ(table().find("pt-PT"), 13);
  EXPECT_EQ(table().find("enGB"), 1);
  EXPECT_EQ(table().find("EN_us"), 0);
  EXPECT_EQ(table().find("pt_br"), 12);
  EXPECT_EQ(table().find("de-AT"), 9);
  EXPECT_EQ(table().find("auto-XX"), std::nullopt) << "auto is no language with regions";
  const PromptTable regions(
      {.num_prompts = 8,
       .hidden = 4,
       .dictionary = {{"vi-VN", 1}, {"zh-CN", 2}, {"zh-ZH", 2}, {"zh-TW", 3}, {"auto", 4}}});
  EXPECT_EQ(regions.find("vi"), 1) << "one region";
  EXPECT_EQ(regions.find("zh"), 2) << "the first of its regions";
  EXPECT_EQ(regions.find("zh-Hans"), 2);
  EXPECT_EQ(regions.find("zh-SG"), 2);
  EXPECT_EQ(regions.find("cmn-Hans-CN"), 2);
  for (const char* traditional : {"zh-Hant", "zh_hant_hk", "zh-HK", "zh-MO", "cmn-Hant"})
    EXPECT_EQ(regions.find(traditional), 3) << traditional;
  EXPECT_EQ(table().find("DE_ch_1996"), 9);
  EXPECT_EQ(table().find("no"), 27);
  EXPECT_EQ(table().find("Auto"), 101);
  EXPECT_EQ(table().slot_of("auto"), 101);
}

TEST(PromptTable, UnknownLanguagesListTheNearestKeys) {
  EXPECT_EQ(table().find(""), std::nullopt);
  EXPECT_THAT(slot_error(table(), "jp-JP"), HasSubstr("nearest: ja-JP,"));
  EXPECT_THAT(slot_error(table(), "xx-BR"), HasSubstr("pt-BR"));
  for (const char* japanese : {"Japanese", "japanese", "日本語", "jpn"})
    EXPECT_THAT(slot_error(table(), japanese), HasSubstr("nearest: ja-JP")) << japanese;
  EXPECT_THAT(slot_error(table(), "atuo"), HasSubstr("auto"));
  EXPECT_THAT(slot_error(table(), ""), HasSubstr("17 keys"));
  EXPECT_LT(slot_error(table(), std::string(1 << 20, 'x')).size(), 400u);
}

TEST(PromptTable, WithoutPromptOnlyAutoIsLegal) {
  const PromptTable none{PromptConfig{}};
  EXPECT_TRUE(none.empty());
  EXPECT_EQ(none.slot_of(""), -1);
  EXPECT_EQ(none.slot_of("auto"), -1);
  EXPECT_THAT(slot_error(none, "en-US"), HasSubstr("no language prompt"));
  EXPECT_TRUE(none.languages().empty());
}

TEST(PromptTable, LanguagesPreferKeysWithARegion) {
  const auto languages = table().languages();
  ASSERT_EQ(languages.size(), 10u);
  EXPECT_EQ(languages[0].code, "en-US");
  EXPECT_THAT(languages[0].aliases, ElementsAre("en"));
  EXPECT_EQ(languages[1].code, "en-GB");
  EXPECT_THAT(languages[1].aliases, ElementsAre("enGB"));
  EXPECT_EQ(languages[1].prompt_slot, 1);
  EXPECT_EQ(languages.back().code, "auto");
  EXPECT_EQ(languages.back().prompt_slot, 101);
}

// Whoever wrote the file may have sorted its keys.
TEST(PromptTable, ALanguageIsShownByItsRegionInAnyOrder) {
  PromptConfig config;
  config.num_prompts = 16;
  config.dictionary = {{"de", 9},    {"de-DE", 9},  {"hi", 6},    {"hi-HI", 6},
                       {"hi-IN", 6}, {"ja-JA", 10}, {"ja-JP", 10}};
  for (int order = 0; order < 2; ++order) {
    std::vector<std::string> codes;
    for (const Language& language : PromptTable(config).languages()) codes.push_back(language.code);
    EXPECT_EQ(codes, (std::vector<std::string>{"hi-IN", "de-DE", "ja-JP"}));
    std::reverse(config.dictionary.begin(), config.dictionary.end());
  }
}

}  // namespace
}  // namespace glossa::model
