#include "eval/language_code.h"

#include <algorithm>

namespace glossa::eval {
namespace {

bool is_lower(char letter) { return letter >= 'a' && letter <= 'z'; }
bool is_upper(char letter) { return letter >= 'A' && letter <= 'Z'; }
char lower(char letter) { return is_upper(letter) ? static_cast<char>(letter + ('a' - 'A')) : letter; }
char upper(char letter) { return is_lower(letter) ? static_cast<char>(letter - ('a' - 'A')) : letter; }

bool are_letters(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char letter) { return is_lower(lower(letter)); });
}

// Where the region begins; npos: none.
std::size_t region_of(std::string_view code) {
  if (const std::size_t mark = code.find_first_of("-_"); mark != code.npos) return mark + 1;
  const bool joined =
      code.size() == 4 && is_lower(code[0]) && is_lower(code[1]) && is_upper(code[2]) && is_upper(code[3]);
  return joined ? 2 : code.npos;
}

}  // namespace

std::string spelled_code(std::string_view code) {
  constexpr std::size_t kRegion = 2;
  const std::size_t begin = region_of(code);
  std::string_view language = code.substr(0, begin);
  if (language.ends_with('-') || language.ends_with('_')) language.remove_suffix(1);
  const std::string_view region = begin == code.npos ? std::string_view() : code.substr(begin);
  const bool fits = begin == code.npos || region.size() == kRegion;
  if (!fits || language.size() < 2 || language.size() > 3 || !are_letters(language) || !are_letters(region))
    return std::string(code);
  std::string spelled(language);
  std::transform(spelled.begin(), spelled.end(), spelled.begin(), lower);
  if (region.empty()) return spelled;
  spelled += '-';
  for (const char letter : region) spelled += upper(letter);
  return spelled;
}

std::string any_language(const ModelInfo& model) {
  const auto is_auto = [](const Language& language) {
    return language.code == "auto" ||
           std::find(language.aliases.begin(), language.aliases.end(), "auto") != language.aliases.end();
  };
  if (model.languages.empty() || std::any_of(model.languages.begin(), model.languages.end(), is_auto))
    return "auto";
  return model.languages.front().code;
}

}  // namespace glossa::eval
