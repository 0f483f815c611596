// Which language is which prompt slot. Read from the checkpoint, never hard-coded.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/model_config.h"

namespace glossa::model {

class PromptTable {
 public:
  // An empty table for a checkpoint without prompt.
  explicit PromptTable(const PromptConfig& config);

  bool empty() const { return entries_.empty(); }

  // Slot of a language: exact key, then the same code in other case or with '_' for '-' ("en_us" is en-US),
  // then the bare language of a code ("de-AT" is de), then the first of its regions in the table ("vi" is
  // vi-VN, "zh" is zh-CN). Chinese goes by its script where that is said ("zh-Hant" and "zh-HK" are zh-TW).
  // None when unknown.
  std::optional<int> find(std::string_view lang) const;

  // As find(), but an unknown language is Error kInvalidArgument that lists the nearest keys. Without prompt
  // only "auto" and "" are legal and give slot -1.
  int slot_of(std::string_view lang) const;

  // One entry per slot in ascending order; the code is the first key of the slot that has a region other than
  // the language's own letters (hi-IN, not hi-HI: files may have them in any order), else the first that has
  // one, else the first.
  std::vector<Language> languages() const;

 private:
  std::vector<std::pair<std::string, int>> entries_;  // in file order
};

}  // namespace glossa::model
