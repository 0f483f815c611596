#include "train/targets.h"

#include <algorithm>
#include <set>
#include <utility>

#include "base/fail.h"
#include "base/log.h"
#include "base/printable.h"
#include "text/lang_tag.h"
#include "text/sentence_ends.h"
#include "text/utf8.h"
#include "train/random.h"

namespace glossa::train {
namespace {

constexpr std::uint64_t kPromptStream = 1;  // of a cut's seed

std::size_t skip_spaces(std::string_view text, std::size_t at) {
  while (at < text.size()) {
    const text::CodePoint character = text::first_code_point(text.substr(at));
    if (!text::is_space(character.value)) break;
    at += character.size;
  }
  return at;
}

std::string_view without_trailing_spaces(std::string_view text) {
  std::size_t end = 0;
  for (std::size_t at = 0; at < text.size();) {
    const text::CodePoint character = text::first_code_point(text.substr(at));
    at += character.size;
    if (!text::is_space(character.value)) end = at;
  }
  return text.substr(0, end);
}

// The tag that the text begins with, or nothing.
std::string_view leading_tag(std::string_view text) {
  if (!text.starts_with('<')) return {};
  const std::string_view tag = text.substr(0, text.find('>') + 1);  // empty without
  return text::is_lang_tag(tag) ? tag : std::string_view();
}

bool ends_with_tag(std::string_view text) {
  text = without_trailing_spaces(text);
  const std::size_t begin = text.rfind('<');
  return begin != std::string_view::npos && text::is_lang_tag(text.substr(begin));
}

std::string tagged_sentences(std::string_view text, std::string_view tag) {
  const std::string suffix = " " + std::string(tag);
  std::string result;
  std::size_t copied = 0;
  for (const std::size_t end : text::sentence_ends(text, text::lang_of_tag(tag).starts_with("el-"))) {
    result.append(text.substr(copied, end - copied));
    const std::size_t next = skip_spaces(text, end);
    if (leading_tag(text.substr(next)).empty()) {
      result += suffix;
      if (next == end && end < text.size()) result += ' ';
    }
    copied = end;
  }
  result.append(text.substr(copied));
  if (!ends_with_tag(result)) {
    result = std::string(without_trailing_spaces(result)) + suffix;
  }
  return result;
}

bool is_mode(std::string_view mode) { return mode == "langID" || mode == "auto" || mode == "unified"; }

void expect_mode(const std::string& mode) {
  if (!is_mode(mode))
    fail_invalid_argument("prompt mode is '{}' (expected langID, auto or unified)", printable(mode));
}

}  // namespace

AppendLangTag append_lang_tag(std::string_view name) {
  for (const AppendLangTag mode :
       {AppendLangTag::kNone, AppendLangTag::kUtterance, AppendLangTag::kSentence}) {
    if (name == name_of(mode)) return mode;
  }
  fail_invalid_argument("append_lang_tag is '{}' (expected none, utterance or sentence)", printable(name));
}

std::string_view name_of(AppendLangTag mode) {
  switch (mode) {
    case AppendLangTag::kUtterance:
      return "utterance";
    case AppendLangTag::kSentence:
      return "sentence";
    case AppendLangTag::kNone:
      break;
  }
  return "none";
}

std::string with_lang_tags(std::string_view text, std::string_view tag, AppendLangTag mode) {
  const std::string_view trimmed = without_trailing_spaces(text);
  if (mode == AppendLangTag::kNone || tag.empty() || trimmed.empty()) return std::string(text);
  if (mode == AppendLangTag::kSentence) return tagged_sentences(trimmed, tag);
  if (ends_with_tag(trimmed)) return std::string(text);
  return std::string(trimmed) + " " + std::string(tag);
}

TargetWriter::TargetWriter(const text::SentencePiece& pieces, const model::PromptTable& prompts,
                           AppendLangTag mode)
    : pieces_(pieces), prompts_(prompts), mode_(mode) {
  if (prompts.empty()) return;
  for (int id = 0; id < pieces.size(); ++id) {
    const std::string_view lang = text::lang_of_tag(pieces.piece(id));
    if (lang.empty()) continue;
    if (const auto slot = prompts.find(lang)) tag_of_slot_.emplace(*slot, std::string(pieces.piece(id)));
  }
}

std::string TargetWriter::tag_of(std::string_view lang) const {
  const std::string tag = "<" + std::string(lang) + ">";
  if (text::is_lang_tag(tag) && pieces_.find(tag) >= 0) return tag;
  if (prompts_.empty() || lang.empty()) return {};
  const auto slot = prompts_.find(lang);
  const auto found = slot ? tag_of_slot_.find(*slot) : tag_of_slot_.end();
  return found == tag_of_slot_.end() ? std::string() : found->second;
}

Target TargetWriter::write(std::string_view text, std::string_view lang) const {
  const std::string tag = mode_ == AppendLangTag::kNone ? std::string() : tag_of(lang);
  const std::string tagged = with_lang_tags(text, tag, mode_);
  Target target{pieces_.encode(tagged), {}};
  const int unknown = pieces_.unk_id();
  if (std::find(target.ids.begin(), target.ids.end(), unknown) == target.ids.end()) return target;
  std::set<std::string_view> seen;
  for (std::size_t at = 0; at < text.size();) {
    const std::string_view tag_there = leading_tag(text.substr(at));
    if (!tag_there.empty() && pieces_.find(tag_there) >= 0) {  // a piece, whose characters may be none
      at += tag_there.size();
      continue;
    }
    const std::size_t size = text::first_code_point(text.substr(at)).size;
    const auto character = text.substr(at, size);
    at += size;
    if (!seen.insert(character).second) continue;
    const auto ids = pieces_.encode(character);
    if (std::find(ids.begin(), ids.end(), unknown) != ids.end()) target.unwritable.emplace_back(character);
  }
  return target;
}

void TargetCounts::add(const Target& target, std::int64_t frames, int max_symbols) {
  const auto labels = static_cast<std::int64_t>(target.ids.size());
  ++targets;
  if (labels > frames) ++more_labels_than_frames;
  if (max_symbols > 0 && labels > frames * max_symbols) ++beyond_max_symbols;
  if (!target.unwritable.empty()) ++with_unwritable;
  for (const auto& character : target.unwritable) ++unwritable[character];
}

std::vector<std::string> TargetCounts::warnings() const {
  std::vector<std::string> result;
  if (more_labels_than_frames > 0) {
    result.push_back(
        fmt::format("{} of {} texts have more labels than their sound has encoder frames ({} of them "
                    "more than decoding can write): is the text of this sound?",
                    more_labels_than_frames, targets, beyond_max_symbols));
  }
  if (with_unwritable > 0) {
    constexpr std::size_t kListed = 20;
    std::vector<std::pair<std::int64_t, std::string>> ranked;
    for (const auto& [character, count] : unwritable) ranked.emplace_back(-count, character);
    std::sort(ranked.begin(), ranked.end());
    std::string list;
    for (std::size_t rank = 0; rank < std::min(kListed, ranked.size()); ++rank) {
      list += fmt::format("{}'{}' in {}", rank == 0 ? "" : ", ", printable(ranked[rank].second),
                          -ranked[rank].first);
    }
    if (ranked.size() > kListed) list += fmt::format(" and {} more", ranked.size() - kListed);
    result.push_back(fmt::format("{} of {} texts have characters that the tokenizer cannot write: {}",
                                 with_unwritable, targets, list));
  }
  return result;
}

PromptChooser::PromptChooser(const model::PromptTable& prompts, std::string default_mode,
                             double unified_auto_ratio)
    : prompts_(prompts), default_mode_(std::move(default_mode)), unified_auto_ratio_(unified_auto_ratio) {
  expect_mode(default_mode_);
  if (!(unified_auto_ratio >= 0 && unified_auto_ratio <= 1)) {
    fail_invalid_argument("unified_auto_ratio is {} (expected 0 to 1)", unified_auto_ratio);
  }
}

std::string_view PromptChooser::mode_of(const data::Cut& cut) const {
  const std::string& mode = cut.prompt_mode.empty() ? default_mode_ : cut.prompt_mode;
  return is_mode(mode) ? std::string_view(mode) : "unified";
}

int PromptChooser::slot_of_language(const data::Cut& cut) const {
  try {
    return prompts_.slot_of(cut.target_lang);
  } catch (const Error& error) {
    fail_bad_input("{}:{}: {}", cut.source, cut.line, error.what());
  }
}

int PromptChooser::slot_of(const data::Cut& cut, std::uint64_t seed) const {
  if (prompts_.empty()) return -1;
  const std::string_view mode = mode_of(cut);
  const bool is_auto =
      mode == "auto" || cut.target_lang.empty() ||
      (mode == "unified" && CounterRandom(seed, kPromptStream).uniform() < unified_auto_ratio_);
  return is_auto ? prompts_.slot_of("auto") : slot_of_language(cut);
}

void PromptChooser::expect_slot(const data::Cut& cut) const {
  if (prompts_.empty()) return;
  if (!cut.prompt_mode.empty() && !is_mode(cut.prompt_mode)) {
    log::warning(
        fmt::format("{}:{}: prompt_mode is '{}' (expected langID, auto or unified): taken as unified",
                    cut.source, cut.line, printable(cut.prompt_mode)));
  }
  const bool is_auto = mode_of(cut) == "auto" || (mode_of(cut) == "unified" && unified_auto_ratio_ >= 1);
  if (!is_auto && !cut.target_lang.empty()) slot_of_language(cut);
}

}  // namespace glossa::train
