// What the model is to write for a cut: label ids, language tags among them, and the prompt slot it is told.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "data/cut.h"
#include "model/prompt_table.h"
#include "text/sentencepiece.h"

namespace glossa::train {

enum class AppendLangTag { kNone, kUtterance, kSentence };

// "none", "utterance" or "sentence"; anything else is Error kInvalidArgument.
AppendLangTag append_lang_tag(std::string_view name);
std::string_view name_of(AppendLangTag mode);

// The text with " <tag>" behind it (kUtterance), or behind every sentence and what is left at the end
// (kSentence), which text::sentence_ends() finds. Text that has a tag at that place already gets no second
// one; empty text stays empty: silence has no language.
std::string with_lang_tags(std::string_view text, std::string_view tag, AppendLangTag mode);

struct Target {
  std::vector<int> ids;
  std::vector<std::string> unwritable;  // characters that became the unknown piece, each once, in order
};

// Immutable; any thread may use it.
class TargetWriter {
 public:
  // `pieces` must outlive it. `prompts` gives aliases of a language: "el" and "el_GR" are tagged <el-GR>.
  TargetWriter(const text::SentencePiece& pieces, const model::PromptTable& prompts, AppendLangTag mode);

  Target write(std::string_view text, std::string_view lang) const;

  // "<el-GR>" for a language whose tag the vocabulary has as one piece, else empty: then write() appends
  // none.
  std::string tag_of(std::string_view lang) const;

 private:
  const text::SentencePiece& pieces_;
  const model::PromptTable& prompts_;
  AppendLangTag mode_;
  std::map<int, std::string> tag_of_slot_;
};

// Targets that a data set makes difficult, counted for one summary.
class TargetCounts {
 public:
  // `frames`: encoder frames of the utterance.
  void add(const Target& target, std::int64_t frames, int max_symbols);

  // Sentences for log::warning(), none when all is well.
  std::vector<std::string> warnings() const;

  std::int64_t targets = 0;
  std::int64_t more_labels_than_frames = 0;  // legal in RNN-T; often a text that is not of this sound
  std::int64_t beyond_max_symbols = 0;       // greedy decoding cannot write that many labels
  std::int64_t with_unwritable = 0;
  std::map<std::string, std::int64_t> unwritable;  // targets that have the character
};

// Which prompt slot a cut trains with, NeMo's prompt_mode: langID is the cut's language, auto is "auto",
// unified is "auto" with probability `unified_auto_ratio`, else the language.
class PromptChooser {
 public:
  // `default_mode`: of cuts without a mode; an unknown one is Error kInvalidArgument. `prompts` must outlive
  // it.
  PromptChooser(const model::PromptTable& prompts, std::string default_mode = "unified",
                double unified_auto_ratio = 0.5);

  // Depends on the cut and the seed alone. An unknown mode of a cut is unified, as in NeMo; a cut without
  // language takes "auto". A language that the table lacks is Error kBadInput naming the cut. -1 for a model
  // without prompt.
  int slot_of(const data::Cut& cut, std::uint64_t seed) const;
  // Throws what slot_of() would for some seed, and tells an unknown mode to log::warning().
  void expect_slot(const data::Cut& cut) const;

 private:
  // The mode that counts; an unknown one of the cut is "unified".
  std::string_view mode_of(const data::Cut& cut) const;
  int slot_of_language(const data::Cut& cut) const;

  const model::PromptTable& prompts_;
  std::string default_mode_;
  double unified_auto_ratio_;
};

}  // namespace glossa::train
