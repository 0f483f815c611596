#include "text/lang_tag.h"

#include <cstddef>

#include "text/utf8.h"

namespace glossa::text {
namespace {

bool is_lower(char c) { return c >= 'a' && c <= 'z'; }
bool is_upper(char c) { return c >= 'A' && c <= 'Z'; }
bool is_letter(char c) { return is_lower(c) || is_upper(c); }

// Bytes of NeMo's <[a-z]{2}-[A-Z]{2}> at the begin of `text`, 0 when there is none.
std::size_t stripped_tag_length(std::string_view text) {
  constexpr std::size_t kLength = 7;
  const bool matches = text.size() >= kLength && text[0] == '<' && is_lower(text[1]) && is_lower(text[2]) &&
                       text[3] == '-' && is_upper(text[4]) && is_upper(text[5]) && text[6] == '>';
  return matches ? kLength : 0;
}

}  // namespace

bool is_lang_tag(std::string_view piece) { return !lang_of_tag(piece).empty(); }

std::string_view lang_of_tag(std::string_view piece) {
  if ((piece.size() != 7 && piece.size() != 8) || piece.front() != '<' || piece.back() != '>') return {};
  const std::string_view lang = piece.substr(1, piece.size() - 2);
  const std::size_t dash = lang.size() - 3;
  for (std::size_t at = 0; at < dash; ++at) {
    if (!is_lower(lang[at])) return {};
  }
  if (lang[dash] != '-' || !is_letter(lang[dash + 1]) || !is_letter(lang[dash + 2])) return {};
  return lang;
}

std::vector<std::string> lang_tags_of(const SentencePiece& pieces) {
  std::vector<std::string> tags;
  tags.reserve(static_cast<std::size_t>(pieces.size()));
  for (int id = 0; id < pieces.size(); ++id) tags.emplace_back(lang_of_tag(pieces.piece(id)));
  return tags;
}

std::string strip_lang_tags(std::string_view text) {
  std::string stripped;
  stripped.reserve(text.size());
  std::size_t before_space = 0;  // what stays when a tag comes next
  while (!text.empty()) {
    if (const std::size_t tag = stripped_tag_length(text); tag > 0) {
      stripped.resize(before_space);
      text.remove_prefix(tag);
      continue;
    }
    const CodePoint character = first_code_point(text);
    stripped += text.substr(0, character.size);
    text.remove_prefix(character.size);
    if (!character.valid || !is_space(character.value)) before_space = stripped.size();
  }
  return stripped;
}

}  // namespace glossa::text
