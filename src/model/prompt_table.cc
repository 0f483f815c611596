#include "model/prompt_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <tuple>

#include "base/edit_distance.h"
#include "base/fail.h"
#include "base/printable.h"
#include "model/language_names.h"

namespace glossa::model {
namespace {

// Lower case, '-' for '_'. Language codes are ASCII.
std::string normalised(std::string_view code) {
  std::string result(code);
  for (char& c : result) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    if (c == '_') c = '-';
  }
  return result;
}

std::string_view bare_language(std::string_view code) { return code.substr(0, code.find('-')); }

bool has_region(std::string_view code) { return code.find('-') != std::string_view::npos; }

// Whether the region is the language's letters once more: hi-HI, which stands beside hi-IN.
bool repeats_language(std::string_view code) {
  const std::string_view language = bare_language(code);
  return has_region(code) && normalised(code.substr(language.size() + 1)) == language;
}

// Of Chinese: a code such as zh-hant, zh-hant-hk or zh-hk.
bool is_traditional(std::string_view code) {
  if (code.find("-hans") != std::string_view::npos) return false;
  return code.find("-hant") != std::string_view::npos || code.ends_with("-hk") || code.ends_with("-mo") ||
         code.ends_with("-tw");
}

// At most five keys: those of the language that is named first ("german" -> de-DE), then those of the same
// language ("jp-JP" -> ja-JP), then by spelling.
std::string nearest_keys(const std::vector<std::pair<std::string, int>>& entries, std::string_view lang) {
  constexpr std::size_t kListed = 5;
  constexpr std::size_t kLongest = 32;
  const std::string wanted = normalised(lang.substr(0, kLongest));
  std::vector<std::tuple<std::size_t, std::size_t, std::string_view>> ranked;
  for (const auto& [key, slot] : entries) {
    const std::string candidate = normalised(std::string_view(key).substr(0, kLongest));
    const std::size_t whole = edit_distance(wanted, candidate);
    const std::size_t language = edit_distance(bare_language(wanted), bare_language(candidate));
    const std::size_t nearer = names_language(wanted, candidate) ? 0 : std::min(whole, language);
    ranked.emplace_back(nearer, whole, key);
  }
  std::stable_sort(ranked.begin(), ranked.end(), [](const auto& a, const auto& b) {
    return std::tie(std::get<0>(a), std::get<1>(a)) < std::tie(std::get<0>(b), std::get<1>(b));
  });
  std::string list;
  for (std::size_t rank = 0; rank < std::min(ranked.size(), kListed); ++rank) {
    if (rank > 0) list += ", ";
    list += printable(std::get<2>(ranked[rank]));
  }
  return list;
}

}  // namespace

PromptTable::PromptTable(const PromptConfig& config) : entries_(config.dictionary) {}

std::optional<int> PromptTable::find(std::string_view lang) const {
  for (const auto& [key, slot] : entries_) {
    if (key == lang) return slot;
  }
  const std::string wanted = normalised(lang);
  for (const auto& [key, slot] : entries_) {
    if (normalised(key) == wanted) return slot;
  }
  const std::string language(bare_language(wanted) == "cmn" ? "zh" : bare_language(wanted));
  if (language == "auto") return std::nullopt;
  if (language == "zh" && is_traditional(wanted)) {
    for (const auto& [key, slot] : entries_) {
      if (normalised(key) == "zh-tw") return slot;
    }
  }
  for (const auto& [key, slot] : entries_) {
    if (normalised(key) == language) return slot;
  }
  for (const auto& [key, slot] : entries_) {
    if (bare_language(normalised(key)) == language) return slot;
  }
  return std::nullopt;
}

int PromptTable::slot_of(std::string_view lang) const {
  if (empty()) {
    if (lang.empty() || lang == "auto") return -1;
    fail_invalid_argument(
        "this model has no language prompt: language '{}' cannot be chosen (expected 'auto')",
        printable(lang));
  }
  if (const auto slot = find(lang)) return *slot;
  fail_invalid_argument("language '{}' is not in the model's prompt dictionary of {} keys (nearest: {})",
                        printable(lang), entries_.size(), nearest_keys(entries_, lang));
}

std::vector<Language> PromptTable::languages() const {
  std::map<int, std::vector<std::string>> keys_of_slot;
  for (const auto& [key, slot] : entries_) keys_of_slot[slot].push_back(key);
  std::vector<Language> result;
  for (auto& [slot, keys] : keys_of_slot) {
    const auto with_region = std::find_if(keys.begin(), keys.end(), has_region);
    const auto with_another = std::find_if(keys.begin(), keys.end(), [](const std::string& key) {
      return has_region(key) && !repeats_language(key);
    });
    auto chosen = with_another != keys.end() ? with_another : with_region;
    if (chosen == keys.end()) chosen = keys.begin();
    Language language{*chosen, slot, {}};
    keys.erase(chosen);
    language.aliases = std::move(keys);
    result.push_back(std::move(language));
  }
  return result;
}

}  // namespace glossa::model
