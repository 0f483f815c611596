// Oracles: texts tagged by hand; the tokenizers of the goldens (their encode() is checked against
// SentencePiece).
#include "train/targets.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/log.h"
#include "glossa/error.hpp"
#include "support/message_of.h"
#include "text/text_support.h"

namespace glossa::train {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

std::string utterance(std::string_view text, std::string_view tag = "<en-US>") {
  return with_lang_tags(text, tag, AppendLangTag::kUtterance);
}
std::string sentence(std::string_view text, std::string_view tag = "<en-US>") {
  return with_lang_tags(text, tag, AppendLangTag::kSentence);
}

TEST(LangTags, AfterTheUtterance) {
  EXPECT_EQ(utterance("The river was quiet. It rained."), "The river was quiet. It rained. <en-US>");
  EXPECT_EQ(utterance("no mark \n"), "no mark <en-US>");
  EXPECT_EQ(utterance("Tagged. <en-US>"), "Tagged. <en-US>");
  EXPECT_EQ(utterance(""), "");
  EXPECT_EQ(utterance("  "), "  ");
  EXPECT_EQ(utterance("No tag.", ""), "No tag.");
  EXPECT_EQ(with_lang_tags("None.", "<en-US>", AppendLangTag::kNone), "None.");
}

TEST(LangTags, AfterEverySentence) {
  const std::pair<const char*, const char*> cases[] = {
      {"One. Two? Three!", "One. <en-US> Two? <en-US> Three! <en-US>"},
      {"One. two", "One. two <en-US>"},
      {"Ask Dr. Smith. He knows Mrs. J. Miller.", "Ask Dr. Smith. <en-US> He knows Mrs. J. Miller. <en-US>"},
      {"It was no. 3. The fourth was better.", "It was no. 3. The fourth was better. <en-US>"},
      {"Am 3. Mai. Ja. Oh! ok.", "Am 3. Mai. <en-US> Ja. <en-US> Oh! <en-US> ok. <en-US>"},
      {"Él va. Ör. Tak.", "Él va. <en-US> Ör. <en-US> Tak. <en-US>"},
      {"no mark", "no mark <en-US>"},
      {"It costs 3.50 today.", "It costs 3.50 today. <en-US>"},
      {"He said \"Go.\" Then left...", "He said \"Go.\" <en-US> Then left... <en-US>"},
      {"Really?! Yes.", "Really?! <en-US> Yes. <en-US>"},
      {"One. <en-US> Two.", "One. <en-US> Two. <en-US>"},
      {"", ""},
  };
  for (const auto& [text, expected] : cases) EXPECT_EQ(sentence(text), expected) << text;
}

TEST(LangTags, KnowTheMarksOfOtherScripts) {
  EXPECT_EQ(sentence("你好。再见！吗？", "<zh-CN>"), "你好。 <zh-CN> 再见！ <zh-CN> 吗？ <zh-CN>");
  EXPECT_EQ(sentence("यह है। वह था।", "<hi-IN>"), "यह है। <hi-IN> वह था। <hi-IN>");
  EXPECT_EQ(sentence("كيف؟ جيد.", "<ar-AR>"), "كيف؟ <ar-AR> جيد. <ar-AR>");
  EXPECT_EQ(sentence("Τι; Ναι.", "<el-GR>"), "Τι; <el-GR> Ναι. <el-GR>");
  EXPECT_EQ(sentence("네. 알겠습니다.", "<ko-KR>"), "네. <ko-KR> 알겠습니다. <ko-KR>");
  EXPECT_EQ(sentence("გამარჯობა. როგორ ხარ.", "<ka-GE>"), "გამარჯობა. <ka-GE> როგორ ხარ. <ka-GE>");
  EXPECT_EQ(sentence("Да. Нет, вот. Так.", "<ru-RU>"), "Да. <ru-RU> Нет, вот. <ru-RU> Так. <ru-RU>");
  EXPECT_EQ(sentence("One; two.", "<en-US>"), "One; two. <en-US>");  // the semicolon asks in Greek alone
}

TEST(LangTags, ModesHaveNames) {
  for (const char* name : {"none", "utterance", "sentence"}) EXPECT_EQ(name_of(append_lang_tag(name)), name);
  EXPECT_THROW(append_lang_tag("word"), Error);
}

model::PromptTable table() {
  return model::PromptTable(
      {.num_prompts = 8,
       .hidden = 4,
       .dictionary = {
           {"en-US", 0}, {"en", 0}, {"de-DE", 1}, {"el-GR", 2}, {"el", 2}, {"mi-NZ", 3}, {"auto", 5}}});
}

TEST(TargetWriter, EncodesWithTheTag) {
  const auto pieces = testing::read_tokenizer(testing::tokenizer_path("tok256"));
  const auto prompts = table();
  const TargetWriter writer(pieces, prompts, AppendLangTag::kUtterance);
  EXPECT_EQ(writer.tag_of("de-DE"), "<de-DE>");
  EXPECT_EQ(writer.tag_of("el"), "<el-GR>");
  EXPECT_EQ(writer.tag_of("el_gr"), "<el-GR>");
  EXPECT_EQ(writer.tag_of("mi-NZ"), "");  // a prompt, but no piece
  EXPECT_EQ(writer.tag_of("auto"), "");
  EXPECT_EQ(writer.tag_of(""), "");
  const Target target = writer.write("Bitte lies die zweite Zeile noch einmal.", "de-DE");
  EXPECT_EQ(target.ids, pieces.encode("Bitte lies die zweite Zeile noch einmal. <de-DE>"));
  EXPECT_EQ(target.ids.back(), pieces.find("<de-DE>"));
  EXPECT_THAT(target.unwritable, IsEmpty());
  EXPECT_THAT(writer.write("", "de-DE").ids, IsEmpty());
  EXPECT_EQ(writer.write("Ja.", "").ids, pieces.encode("Ja."));
}

TEST(TargetWriter, NamesCharactersThatCannotBeWritten) {
  const auto pieces = testing::read_tokenizer(testing::tokenizer_path("tok256"));
  const auto prompts = table();
  const TargetWriter writer(pieces, prompts, AppendLangTag::kNone);
  EXPECT_THAT(writer.write("a 龘 b 龘 \xF0\x9F\x98\x80", "en-US").unwritable,
              ElementsAre("龘", "\xF0\x9F\x98\x80"));
  // A tag is one piece, whatever its characters are.
  EXPECT_THAT(
      TargetWriter(pieces, prompts, AppendLangTag::kSentence).write("龘. <en-US> A.", "en-US").unwritable,
      ElementsAre("龘"));
  EXPECT_THAT(writer.write("A. <xx-XX>", "en-US").unwritable, Not(IsEmpty())) << "not of this vocabulary";
  // A tokenizer that falls back to bytes writes everything.
  const auto bytes = testing::read_tokenizer(testing::tokenizer_path("tok512bytes"));
  EXPECT_THAT(TargetWriter(bytes, prompts, AppendLangTag::kNone).write("a 龘", "en-US").unwritable,
              IsEmpty());
}

TEST(TargetCounts, SayWhatIsDifficult) {
  TargetCounts counts;
  counts.add({.ids = {1, 2, 3}}, 3, 10);
  EXPECT_THAT(counts.warnings(), IsEmpty());
  counts.add({.ids = {1, 2, 3, 4}, .unwritable = {"ø", "x"}}, 3, 10);
  counts.add({.ids = std::vector<int>(31, 1), .unwritable = {"x"}}, 3, 10);
  EXPECT_EQ(counts.targets, 3);
  EXPECT_EQ(counts.more_labels_than_frames, 2);
  EXPECT_EQ(counts.beyond_max_symbols, 1);
  EXPECT_THAT(counts.warnings(), ElementsAre(HasSubstr("2 of 3 texts have more labels"),
                                             HasSubstr("2 of 3 texts have characters")));
  EXPECT_THAT(counts.warnings()[1], HasSubstr("'x' in 2, 'ø' in 1"));
}

TEST(PromptChooser, FollowsTheMode) {
  const auto prompts = table();
  const PromptChooser chooser(prompts, "unified", 0.5);
  int automatic = 0;
  constexpr int kSeeds = 2000;
  for (std::uint64_t seed = 0; seed < kSeeds; ++seed) {
    EXPECT_EQ(chooser.slot_of({.target_lang = "de-DE", .prompt_mode = "langID"}, seed), 1);
    EXPECT_EQ(chooser.slot_of({.target_lang = "de-DE", .prompt_mode = "auto"}, seed), 5);
    const int slot = chooser.slot_of({.target_lang = "de-DE"}, seed);
    EXPECT_EQ(slot, chooser.slot_of({.target_lang = "de-DE"}, seed));
    EXPECT_TRUE(slot == 1 || slot == 5);
    automatic += slot == 5 ? 1 : 0;
  }
  EXPECT_NEAR(automatic, kSeeds / 2, 112);  // five standard deviations
  EXPECT_EQ(PromptChooser(prompts, "unified", 0).slot_of({.target_lang = "en"}, 1), 0);
  EXPECT_EQ(PromptChooser(prompts, "unified", 1).slot_of({.target_lang = "en"}, 1), 5);
  EXPECT_EQ(PromptChooser(prompts, "langID").slot_of({}, 1), 5);  // no language
}

TEST(PromptChooser, SaysWhatIsWrong) {
  const auto prompts = table();
  EXPECT_THROW(PromptChooser(prompts, "lang"), Error);
  EXPECT_THROW(PromptChooser(prompts, "auto", 1.1), Error);
  const PromptChooser chooser(prompts, "langID");
  EXPECT_THAT(testing::message_of(
                  [&] { chooser.slot_of({.target_lang = "xx-YY", .source = "train.jsonl", .line = 7}, 0); }),
              HasSubstr("train.jsonl:7: language 'xx-YY'"));
  std::vector<std::string> heard;
  log::set_sink([&heard](log::Level, std::string_view message) { heard.emplace_back(message); });
  const data::Cut odd = {.target_lang = "en", .prompt_mode = "odd"};
  chooser.expect_slot(odd);
  const int slot = chooser.slot_of(odd, 0);
  log::set_sink({});
  EXPECT_TRUE(slot == 0 || slot == 5);
  const PromptChooser unified(prompts, "unified", 0.99);  // most draws would not see it
  EXPECT_THROW(unified.expect_slot({.target_lang = "xx-YY"}), Error);
  EXPECT_NO_THROW(unified.expect_slot({.target_lang = "xx-YY", .prompt_mode = "auto"}));
  EXPECT_NO_THROW(unified.expect_slot({}));
  EXPECT_NO_THROW(PromptChooser(prompts, "unified", 1).expect_slot({.target_lang = "xx-YY"}));
  EXPECT_THAT(heard, ElementsAre(HasSubstr("prompt_mode is 'odd'")));
}

TEST(PromptChooser, AModelWithoutPromptHasNoSlot) {
  const model::PromptTable none({});
  EXPECT_EQ(PromptChooser(none).slot_of({.target_lang = "de-DE"}, 1), -1);
}

}  // namespace
}  // namespace glossa::train
