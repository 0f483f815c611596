#include "text/detokenizer.h"

#include <unicode/uchar.h>

#include <algorithm>
#include <string_view>

#include "text/utf8.h"

namespace glossa::text {
namespace {

// Python's unicodedata.category(c).startswith("P").
bool is_punctuation_mark(char32_t character) {
  return (U_GET_GC_MASK(static_cast<UChar32>(character)) & U_GC_P_MASK) != 0;
}

// The regular expressions ^<.*>$ and ^\[.*\]$: '.' is no line feed, '$' may stand before a last one.
bool is_bracketed(std::string_view piece, char open, char close) {
  if (piece.ends_with('\n')) piece.remove_suffix(1);
  return piece.size() >= 2 && piece.front() == open && piece.back() == close &&
         piece.find('\n') == std::string_view::npos;
}

bool is_special(std::string_view piece) {
  return is_bracketed(piece, '<', '>') || is_bracketed(piece, '[', ']') || piece.starts_with("##") ||
         piece.starts_with(kWordMark);
}

}  // namespace

Detokenizer::Detokenizer(const SentencePiece& pieces) : pieces_(pieces) {
  for (int id = 0; id < pieces.size(); ++id) {
    std::string_view piece = pieces.piece(id);
    if (is_special(piece)) continue;
    while (!piece.empty()) {
      const CodePoint character = first_code_point(piece);
      if (is_punctuation_mark(character.value)) punctuation_.push_back(character.value);
      piece.remove_prefix(character.size);
    }
  }
  std::sort(punctuation_.begin(), punctuation_.end());
  punctuation_.erase(std::unique(punctuation_.begin(), punctuation_.end()), punctuation_.end());
}

bool Detokenizer::is_punctuation(char32_t character) const {
  return std::binary_search(punctuation_.begin(), punctuation_.end(), character);
}

std::string Detokenizer::text(std::span<const int> ids) const {
  const std::string decoded = pieces_.decode(ids);
  std::string text;
  text.reserve(decoded.size());
  std::size_t space = 0;  // bytes of the white-space character just written; 0 when the last one was none
  for (std::string_view rest = decoded; !rest.empty();) {
    const CodePoint character = first_code_point(rest);
    if (space > 0 && is_punctuation(character.value)) text.resize(text.size() - space);
    text += rest.substr(0, character.size);
    space = is_space(character.value) ? character.size : 0;
    rest.remove_prefix(character.size);
  }
  return text;
}

}  // namespace glossa::text
